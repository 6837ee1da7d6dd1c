"""Tokens expire and are renewed, the CA changes; the program runs on."""

import subprocess
import threading
import time

import chart
from network import name_of
from objects import site, slice_of
from process import wait_until

TOKEN_S = 20
NEXT_TRY_S = 90  # who has failed often waits up to a minute before it asks again


class _Renewal:
    """As a kubelet: a new token in the file long before the old one expires."""

    def __init__(self, instance):
        self.instance, self.uid = instance, instance.uid()
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.renew)

    def token(self, seconds=TOKEN_S):
        return self.instance.scene.lab.short_token(
            chart.NS, self.instance.account, self.uid, seconds)

    def renew(self):
        while not self.ending.wait(TOKEN_S / 4):
            self.instance.write_token(self.token())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()


def _sees_a_change(scene, instance, address):
    scene.put(slice_of("tokens", "tokens", [address]))
    instance.wait_reached("tokens.e2e.test", name_of(address), NEXT_TRY_S)


def _wait_refused(instance):
    """Now that the API server is there, it fails for what it has of credentials."""
    def errors():
        return instance.metric("sealway_kube_watch_errors_total")
    before = errors()
    wait_until(lambda: errors() > before, "a refusal", NEXT_TRY_S)


def _routed_from_the_start(scene, instance, address, new_token=lambda: None):
    """When its token was made: only then, so that the first lists have all of its time."""
    scene.put(*site("tokens", [address]))
    token, made = new_token(), time.time()
    instance.start(token).wait_reached("tokens.e2e.test", name_of(address))
    return made


def _wait_expired(made):
    time.sleep(max(0, made + TOKEN_S + 1 - time.time()))


def a_token_that_expires_is_renewed_from_its_file(scene):
    """The first one has expired when the API server comes back and asks for one again."""
    instance = scene.instance("short-token")
    renewal = _Renewal(instance)
    made = _routed_from_the_start(scene, instance, "10.77.0.1", renewal.token)
    with renewal:
        _wait_expired(made)
        began = time.time()
        scene.lab.restart_apiserver([])
        _sees_a_change(scene, instance, "10.77.0.2")
    # A refusal has the file read again, so that nothing is refused twice.
    refused = [entry.resource for entry in scene.lab.audited("sealway/") if entry.code == 401
               and entry.when >= began and not scene.lab.was_starting(entry.when)]
    assert len(refused) == len(set(refused)), refused
    assert any(entry.verb == "watch" for entry in instance.requests(began))
    instance.stop()


def an_expired_token_is_taken_up_again_once_its_file_has_another(scene):
    """Nobody renews it in time; the table stays, and the next token mends it."""
    instance = scene.instance("late-token")
    renewal = _Renewal(instance)
    _wait_expired(_routed_from_the_start(scene, instance, "10.77.0.2", renewal.token))
    scene.lab.restart_apiserver()
    _wait_refused(instance)
    assert "401" in instance.process.tail(40)
    assert instance.client.ask("tokens.e2e.test") == name_of("10.77.0.2")
    instance.write_token(renewal.token(600))
    _sees_a_change(scene, instance, "10.77.0.3")
    instance.stop()


def another_ca_is_taken_from_its_file(scene):
    """The API server comes back with a certificate by a CA that was never seen before."""
    lab, instance = scene.lab, scene.instance("other-ca")
    _routed_from_the_start(scene, instance, "10.77.0.3")
    keys = lab.dir / "pki-new"
    subprocess.run([lab.program, "pki", keys, lab.url, "127.0.0.1,localhost"], check=True)
    lab.stop_apiserver()
    lab.ca = str(keys / "ca.crt")
    lab.start_apiserver([f"--tls-cert-file={keys / 'apiserver.crt'}",
                         f"--tls-private-key-file={keys / 'apiserver.key'}"])
    _wait_refused(instance)
    assert instance.client.ask("tokens.e2e.test") == name_of("10.77.0.3")
    instance.write_ca(lab.ca)
    _sees_a_change(scene, instance, "10.77.0.4")
    instance.stop()
