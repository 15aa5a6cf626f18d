"""A run's own ssh-agent: keys are in it and not in the room."""

import os
import subprocess
from pathlib import Path

import pytest

from fitsom_runner.ansible import ssh_agent
from fitsom_runner.errors import ConfigError


def key(folder: Path, name: str = "id", phrase: str = "") -> Path:
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-f", str(path)], check=True)
    return path


def test_its_keys_answer_and_their_public_halves_are_beside_their_names(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)  # longer than the path of a socket
    folder.mkdir()
    first, second = key(tmp_path, "first"), key(tmp_path, "second")
    with ssh_agent.serving([first, second], folder) as agent:
        assert agent.socket == folder / "agent"
        names = [first, Path(f"{first}.pub"), second, Path(f"{second}.pub")]
        assert [inside for inside, _copy in agent.public] == names
        for path, copy in agent.public:
            public = Path(str(path).removesuffix(".pub") + ".pub")
            assert copy.read_text().split()[:2] == public.read_text().split()[:2]
        handle = os.open(folder, os.O_PATH)
        listed = subprocess.run(
            ["ssh-add", "-L"],
            env={"SSH_AUTH_SOCK": f"/proc/self/fd/{handle}/agent", "PATH": os.environ["PATH"]},
            pass_fds=(handle,),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert len(listed.splitlines()) == 2
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(b"ssh-agent" in line and f"/proc/self/fd/{handle}".encode() in line for line in lines)
    os.close(handle)


@pytest.mark.parametrize(
    ("phrase", "mode", "words"),
    [("secret", 0o600, "pass phrase"), ("", 0o644, "too open"), (None, 0, "does not exist")],
)
def test_a_key_that_cannot_be_used_is_named(
    tmp_path: Path, phrase: str | None, mode: int, words: str
) -> None:
    path = tmp_path / "missing" if phrase is None else key(tmp_path, phrase=phrase)
    if phrase is not None:
        path.chmod(mode)
    with pytest.raises(ConfigError, match=str(path)) as fault, ssh_agent.serving([path], tmp_path):
        pass
    assert words in f"{fault.value.message} {fault.value.hint}"


def test_without_keys_it_is_the_agent_of_whoever_starts_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "theirs").touch()
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "theirs"))
    with ssh_agent.serving([], tmp_path) as agent:
        assert agent.socket == tmp_path / "theirs"
    monkeypatch.delenv("SSH_AUTH_SOCK")
    with ssh_agent.serving([], tmp_path) as agent:
        assert agent.socket is None
