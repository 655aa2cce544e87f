"""A broker that asks for TLS and a password, as in production: both clients come through, and nobody else does."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from claimx_lib import runtime
from claimx_lib.connectors.kafka_client import topics_there
from claimx_lib.devstack.broker import Broker
from claimx_lib.devstack.broker_settings import BrokerSettings
from claimx_lib.devstack.ports import LOOPBACK, free_port
from claimx_lib.errors import KafkaError
from tests.fakes.world import World, Worlds, event

pytestmark = pytest.mark.long  # a broker of its own

USER, PASSWORD = "claimx", 'p"a\\ss; word'
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


class Secured(NamedTuple):
    """Where the broker's guarded door is, and the certificate that vouches for it."""

    servers: str
    certificate: Path

    def sets(self, mechanism: str = "SCRAM-SHA-512") -> list[str]:
        return [
            f"kafka.bootstrap_servers={self.servers}",
            "kafka.security_protocol=SASL_SSL",
            f"kafka.sasl_mechanism={mechanism}",
            f"kafka.sasl_username={USER}",
            "kafka.sasl_password={env: KAFKA_PASSWORD}",
            f"kafka.options={{ssl.ca.location: {self.certificate}}}",
        ]


@pytest.fixture(scope="module")
def pem(program: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that nobody has signed but itself; key and certificate in one file, for the broker."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key, both = folder / "ca.pem", folder / "key.pem", folder / "broker.pem"
    command = [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj"]
    command += [
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    both.write_text(key.read_text() + certificate.read_text())
    return certificate, both


@pytest.fixture(scope="module")
def secured(pem: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A broker with a second listener, behind TLS and a password that it has two ways to ask for."""
    port = free_port()
    as_usual = BrokerSettings.properties
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            BrokerSettings, "properties", lambda self: as_usual(self) | _guarded(as_usual(self), port, pem[1])
        )
        with Broker(data_dir=tmp_path_factory.mktemp("secured-broker")) as broker:
            _let_in(broker.bootstrap_servers)
            yield Secured(f"localhost:{port}", pem[0])


def _guarded(usual: dict[str, str], port: int, pem: Path) -> dict[str, str]:
    quoted = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
    at, door = f"SECURE://{LOOPBACK}:{port}", "listener.name.secure"
    return {
        "listeners": f"{usual['listeners']},{at}",
        "advertised.listeners": f"{usual['advertised.listeners']},SECURE://localhost:{port}",
        "listener.security.protocol.map": f"{usual['listener.security.protocol.map']},SECURE:SASL_SSL",
        f"{door}.ssl.keystore.type": "PEM",
        f"{door}.ssl.keystore.location": str(pem),
        f"{door}.sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        f"{door}.scram-sha-512.sasl.jaas.config": f"{SCRAM} required;",
        # A properties file halves backslashes once more.
        f"{door}.plain.sasl.jaas.config": f'{PLAIN} required user_{USER}="{quoted}";'.replace("\\", "\\\\"),
    }


def _let_in(servers: str) -> None:
    told = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    user = UserScramCredentialUpsertion(USER, told, PASSWORD.encode())
    client = AdminClient({"bootstrap.servers": servers})  # its futures end with it
    for future in client.alter_user_scram_credentials([user]).values():
        future.result(timeout=120)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
def test_both_clients_come_through(
    new: Worlds, secured: Secured, monkeypatch: pytest.MonkeyPatch, mechanism: str
) -> None:
    """Topics are made, events sent, a stream reads and publishes them; the password's quotes and backslashes arrive."""
    monkeypatch.setenv("KAFKA_PASSWORD", PASSWORD)
    world = new(*secured.sets(mechanism))
    world.send("claimx_events", [event("e1"), event("e2")])
    assert runtime.run(["task_trigger"], world.settings, available_now=True, metrics=world.metrics).failures == ()
    assert sorted(told["value"]["event_id"] for told in world.received("tracking")) == ["e1", "e2"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("password", "Authentication failed"),
        ("certificate", "certificate verify failed"),
        ("name", "certificate verify failed"),
    ],
)
def test_nobody_else_does(
    world: World, secured: Secured, monkeypatch: pytest.MonkeyPatch, wrong: str, why: str
) -> None:
    """A wrong password, a certificate that nobody vouches for and one for another name end a start in one line."""
    monkeypatch.setenv("KAFKA_PASSWORD", "another" if wrong == "password" else PASSWORD)
    sets = [one for one in secured.sets() if wrong != "certificate" or not one.startswith("kafka.options")]
    if wrong == "name":
        sets.append(f"kafka.bootstrap_servers={secured.servers.replace('localhost', LOOPBACK)}")
    refused = world.with_settings(*sets).settings
    with pytest.raises(KafkaError) as told:
        topics_there(refused.kafka)
    assert why in str(told.value)
    assert "check kafka.security_protocol" in str(told.value)
    assert PASSWORD not in str(told.value)
    assert "\n" not in str(told.value)
