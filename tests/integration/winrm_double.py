"""A double of a Windows host: as much WS-Management as Ansible's winrm connection speaks, over HTTPS with Basic login.

It writes down which modules got which arguments, and answers as their own text says they would. It proves what Ansible
sends, and nothing about Windows: there is no PowerShell behind it. Rules are kept in the form that Windows is known to
show them in (nets with masks), so that a second look has something to compare.
"""

from __future__ import annotations

import base64
import copy
import datetime
import ipaddress
import json
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "fitsom", "Fenster-Kanarie-9"
ADDRESS = "127.0.0.1"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
SPLIT = b"\n\0\0\0\0\n"
NUMBERS = {"any": 256, "tcp": 6, "udp": 17, "icmpv4": 1, "icmpv6": 58}
ENVELOPE = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:rsp="%s">'
    "<s:Header><a:RelatesTo>%s</a:RelatesTo></s:Header><s:Body>%s</s:Body></s:Envelope>"
)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One module that Ansible had run, without what it always passes along."""

    module: str
    arguments: dict[str, Any]
    check: bool


@dataclass(kw_only=True)
class Windows:
    """What the double remembers.

    refuses: a rule that it does not take. deaf_seconds: for how long it answers nobody once the firewall is on;
    then the scheduled task, if there is one, has brought the old rules back.
    """

    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    inbound: str = "Allow"
    tasks: set[str] = field(default_factory=set)
    values: set[tuple[str, str]] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    saved: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    refuses: str = ""
    deaf_seconds: float = 0
    hears_at: float = 0

    def run(self, module: str, given: dict[str, Any], check: bool) -> dict[str, Any]:
        """The result of a module, in Ansible's form."""
        self.calls.append(Call(module=module, arguments=given, check=check))
        name = module.rpartition(".")[2]
        before = copy.deepcopy(self)
        result: dict[str, Any] = getattr(self, f"_{name}")(given, check)
        if check:
            self.__dict__.update({**before.__dict__, "calls": self.calls})
        return result

    def hears(self) -> bool:
        """Whether a connection is answered."""
        if time.monotonic() < self.hears_at:
            return False
        if self.hears_at and "fitsom-firewall-revert" in self.tasks:
            self.rules, self.inbound, self.hears_at = copy.deepcopy(self.saved), "Allow", 0
        return True

    def _win_ping(self, _given: dict[str, Any], _check: bool) -> dict[str, Any]:
        return {"changed": False, "ping": "pong"}

    def _win_file(self, given: dict[str, Any], _check: bool) -> dict[str, Any]:
        return self._new(self.paths, given["path"])

    def _win_regedit(self, given: dict[str, Any], _check: bool) -> dict[str, Any]:
        return self._new(self.values, (given["path"], given["name"]))

    def _win_scheduled_task(self, given: dict[str, Any], _check: bool) -> dict[str, Any]:
        if given["state"] == "present":
            return self._new(self.tasks, given["name"])
        there = given["name"] in self.tasks
        self.tasks.discard(given["name"])
        return {"changed": there}

    def _win_firewall(self, given: dict[str, Any], check: bool) -> dict[str, Any]:
        changed = self.inbound != given["inbound_action"].capitalize()
        self.inbound = "Block"
        if self.deaf_seconds and not check:
            self.hears_at = time.monotonic() + self.deaf_seconds
        return {"changed": changed}

    def _win_firewall_rule(self, given: dict[str, Any], check: bool) -> dict[str, Any]:
        name = given["name"]
        if given["state"] == "absent":
            return {"changed": self.rules.pop(name, None) is not None}
        if name == self.refuses and not check:
            return {"failed": True, "msg": "The parameter is incorrect."}
        made = shown(given)
        changed = self.rules.get(name) != made
        self.rules[name] = made
        return {"changed": changed}

    def _win_powershell(self, given: dict[str, Any], check: bool) -> dict[str, Any]:
        """The three scripts of the role, known by what they do."""
        if "HNetCfg.FwPolicy2" in given["script"]:
            profile = {"enabled": "True", "inbound": self.inbound, "outbound": "NotConfigured"}
            found = {"rules": list(self.rules.values()), "profiles": [profile] * 3}
            return {"changed": False, "result": found}
        path = given["parameters"]["Path"]
        if "advfirewall export" in given["script"]:
            if given.get("creates") in self.paths:
                return {"changed": False, "msg": "skipped, since it exists"}
            self.paths.add(path)
            if not check:
                self.saved = copy.deepcopy(self.rules)
            return {"changed": True}
        assert "advfirewall import" in given["script"]
        self.rules = copy.deepcopy(self.saved)
        return {"changed": True}

    @staticmethod
    def _new(known: set[Any], thing: Any) -> dict[str, Any]:
        changed = thing not in known
        known.add(thing)
        return {"changed": changed}


def shown(given: dict[str, Any]) -> dict[str, Any]:
    """A rule as a look at Windows shows it."""
    word = given["protocol"]
    icmp = given.get("icmp_type_code")
    return {
        "name": given["name"],
        "group": given["group"],
        "description": given["description"],
        "direction": {"in": 1, "out": 2}[given["direction"]],
        "action": {"block": 0, "allow": 1}[given["action"]],
        "enabled": given["enabled"],
        "profiles": 0x7FFFFFFF,
        "local": masked(given["localip"]),
        "remote": masked(given["remoteip"]),
        "protocol": NUMBERS.get(word) or int(word),
        "localports": given.get("localport", "*").replace("any", "*"),
        "remoteports": given.get("remoteport", "*").replace("any", "*"),
        "icmp": ",".join(icmp) if icmp else None,
    }


def masked(addresses: str) -> str:
    """Nets of IPv4 with their masks, as Windows writes them."""
    if addresses == "any":
        return "*"
    nets = [ipaddress.ip_network(word) for word in addresses.split(",")]
    return ",".join(net.with_netmask if net.version == 4 else str(net) for net in nets)


class Handler(BaseHTTPRequestHandler):
    """One connection. Each kind of message is known by the last word of its action."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.server.windows.hears():
            self.close_connection = True
            return
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {login}":
            self._send(401, b"")
            return
        message = ElementTree.fromstring(body)  # noqa: S314
        kind = text(message, "Action").rpartition("/")[2]
        answer = getattr(self.server, kind.lower())(message)
        self._send(200, (ENVELOPE % (SHELL, text(message, "MessageID"), answer)).encode())

    def _send(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/soap+xml;charset=UTF-8")
        if code == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="WSMAN"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Shells and commands of all connections; what they run is a matter of `windows`."""

    daemon_threads = True

    def __init__(self, windows: Windows, context: ssl.SSLContext):
        super().__init__((ADDRESS, 0), Handler)
        self.windows = windows
        self.inputs: dict[str, bytes] = {}
        self.lock = threading.Lock()
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def create(self, _message: ElementTree.Element) -> str:
        return f'<w:SelectorSet><w:Selector Name="ShellId">{uuid.uuid4()}</w:Selector></w:SelectorSet>'

    def command(self, _message: ElementTree.Element) -> str:
        name = str(uuid.uuid4())
        self.inputs[name] = b""
        return f"<rsp:CommandResponse><rsp:CommandId>{name}</rsp:CommandId></rsp:CommandResponse>"

    def send(self, message: ElementTree.Element) -> str:
        stream = message.find(f".//{{{SHELL}}}Stream")
        assert stream is not None
        self.inputs[stream.attrib["CommandId"]] += base64.b64decode(stream.text or "")
        return ""

    def receive(self, message: ElementTree.Element) -> str:
        wanted = message.find(f".//{{{SHELL}}}DesiredStream")
        assert wanted is not None
        name = wanted.attrib["CommandId"]
        with self.lock:
            out = base64.b64encode(json.dumps(self.result(self.inputs.pop(name))).encode()).decode()
        return (
            f'<rsp:ReceiveResponse><rsp:Stream Name="stdout" CommandId="{name}" End="true">{out}</rsp:Stream>'
            f'<rsp:CommandState CommandId="{name}" State="{SHELL}/CommandState/Done">'
            "<rsp:ExitCode>0</rsp:ExitCode></rsp:CommandState></rsp:ReceiveResponse>"
        )

    def signal(self, _message: ElementTree.Element) -> str:
        return ""

    delete = signal

    def result(self, stdin: bytes) -> dict[str, Any]:
        """Of the module in what Ansible sent: a bootstrap script, a mark, and a manifest."""
        manifest = json.loads(stdin.partition(SPLIT)[2])
        params = manifest["actions"][-1]["params"]
        given = params["Variables"][0]["Value"]
        own = {key: value for key, value in given.items() if not key.startswith("_ansible_")}
        module = params["Script"].removesuffix(".ps1")
        for part in ("ansible_collections.", "plugins.modules."):
            module = module.replace(part, "")
        return self.windows.run(module, own, bool(given["_ansible_check_mode"]))


def text(message: ElementTree.Element, tag: str) -> str:
    return next(str(node.text) for node in message.iter() if node.tag.rpartition("}")[2] == tag)


def certificate(folder: Path) -> tuple[Path, Path]:
    """One for this address alone, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a double of Windows")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "windows.pem", folder / "windows.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return public, private


@contextmanager
def serving(windows: Windows, folder: Path) -> Iterator[dict[str, Any]]:
    """The variables with which Ansible reaches it."""
    public, private = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    server = Server(windows, context)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield {
            "ansible_connection": "winrm",
            "ansible_host": ADDRESS,
            "ansible_port": server.server_address[1],
            "ansible_user": USER,
            "ansible_password": PASSWORD,
            "ansible_winrm_transport": "basic",
            "ansible_winrm_ca_trust_path": str(public),
            "ansible_become": False,
        }
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
