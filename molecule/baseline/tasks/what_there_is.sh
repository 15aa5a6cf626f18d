#!/bin/sh
# What the people's subjects may write, byte for byte, with owner and mode; the accounts of this test alone.
{
  find /etc/pam.d /usr/share/pam-configs /etc/ssh/sshd_config.d /etc/sudoers.d /etc/issue /etc/issue.net /etc/motd \
    /etc/login.defs /etc/security/faillock.conf /etc/security/pwquality.conf.d /home/adm-may/.ssh /home/adm-lee/.ssh -type f \
    ! -name pwquality -exec sha256sum {} + -exec stat -c '%n %a %U:%G' {} + 2>/dev/null | LC_ALL=C sort
  grep -hE '^(adm-lee|adm-may|sudo):' /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/subuid /etc/subgid
} > "$1"
exit 0
