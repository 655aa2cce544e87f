"""Set-up of a checkout with nothing but the standard library: virtual environment, JDK, jars, each verified.

It runs before anything is installed, so it imports nothing outside the standard library and nothing of claimx_lib.
"""
