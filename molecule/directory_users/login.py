"""Log in over ssh with a password, as a person does: login.py KNOWN_HOSTS HOST PORT USER COMMAND.

Reads the password from standard input. Prints the command's output and exits with its code, or with
5 if the host refuses the login.
"""

from __future__ import annotations

import sys

import paramiko


def main() -> int:
    known_hosts, host, port, user, command = sys.argv[1:]
    client = paramiko.SSHClient()
    client.load_host_keys(known_hosts)
    try:
        client.connect(
            host,
            int(port),
            user,
            sys.stdin.read().rstrip("\n"),
            allow_agent=False,
            look_for_keys=False,
            timeout=30,
            auth_timeout=60,
        )
    except paramiko.AuthenticationException:
        return 5
    with client:
        _, out, err = client.exec_command(command, timeout=60)
        code = out.channel.recv_exit_status()
        sys.stdout.write(out.read().decode())
        sys.stderr.write(err.read().decode())
    return code


if __name__ == "__main__":
    sys.exit(main())
