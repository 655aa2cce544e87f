"""One group of settings for two clients of Kafka."""

from __future__ import annotations

from pathlib import Path

import pytest

from claimx_lib.config.load import load
from claimx_lib.connectors.kafka import spark_options
from claimx_lib.connectors.kafka_client import admin, client_options
from claimx_lib.errors import ConfigError

BUNDLE = "/etc/ours/ca.pem"


def test_a_ca_of_ones_own_serves_both_clients() -> None:
    """`ssl.ca.location` is librdkafka's own; for Java it is a truststore in PEM."""
    kafka = load(sets=["kafka.security_protocol=SSL", f'kafka.options={{ssl.ca.location: "{BUNDLE}"}}']).kafka
    assert client_options(kafka)["ssl.ca.location"] == BUNDLE
    told = spark_options(kafka)
    assert (told["kafka.ssl.truststore.type"], told["kafka.ssl.truststore.location"]) == ("PEM", BUNDLE)
    assert "kafka.ssl.ca.location" not in told


def test_a_store_of_javas_is_for_spark_alone() -> None:
    """Librdkafka refuses Java's stores; given beside `ssl.ca.location`, each client gets its own."""
    own = f'{{ssl.ca.location: "{BUNDLE}", ssl.truststore.location: /etc/ours/trust.jks, ssl.truststore.type: JKS}}'
    kafka = load(sets=["kafka.security_protocol=SSL", f"kafka.options={own}"]).kafka
    assert not [key for key in client_options(kafka) if "truststore" in key]
    assert spark_options(kafka)["kafka.ssl.truststore.location"] == "/etc/ours/trust.jks"
    assert spark_options(kafka)["kafka.ssl.truststore.type"] == "JKS"


def test_what_the_client_does_not_take_is_a_wrong_setting(tmp_path: Path) -> None:
    """A file of certificates that is not there is no broker that does not answer."""
    sets = ["kafka.security_protocol=SSL", f'kafka.options={{ssl.ca.location: "{tmp_path}/none.pem"}}']
    with pytest.raises(ConfigError, match=r"kafka: .*ssl\.ca\.location"):
        admin(load(sets=sets).kafka)
