"""A JVM that is quick to start and small, for runs of seconds or minutes."""

from __future__ import annotations

LEAN = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-BytecodeVerificationRemote",
)
"""The C1 compiler alone and the plainest collector; jars whose hashes are known are not verified class by class."""
QUICK_JVM = " ".join((*LEAN, "-XX:ReservedCodeCacheSize=240m", "-Xss2m"))
"""Of Spark. With C1 alone the JVM's code cache is 48 MB, which Spark fills within minutes; from then on methods are thrown out and
compiled again without end (a fifth of all CPU time, measured). 240 MB is what the JVM takes with both compilers.
"""

INTERPRETED = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}
"""Of Spark, for some thousand rows at most: to compile each plan, or to plan it again amid its run, takes longer than to
interpret it.
"""
