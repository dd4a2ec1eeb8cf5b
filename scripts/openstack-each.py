#!/usr/bin/python3
"""Runs commands of the unmodified openstack client, one per line of standard input, until one fails.

    COMMAND                     runs it
    COMMAND unless QUERY        runs it when the QUERY fails or answers nothing
    COMMAND if QUERY            runs it when the QUERY answers something
    query QUERY                 prints the answer, and nothing else

The client takes most of its time to start. So it is imported once, and each command runs in a process forked from
here, through the same main() that /usr/bin/openstack calls. Environment: what openstack itself reads.
"""
import os
import shlex
import sys
import tempfile
import time

from openstackclient.shell import main
# The client finds its commands by name when they are called; imported here, the forks share them.
import novaclient.client, novaclient.v2.client, openstack.connection  # noqa: E401,F401
import openstackclient.compute.v2.server, openstackclient.image.v2.image, openstackclient.network.v2.network  # noqa: E401,F401


def client(argv):
    """Runs one command; answers its exit status and what it printed, and what it complained."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                code = main(argv) or 0
            except SystemExit as e:
                code = e.code if isinstance(e.code, int) else 1
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out.seek(0)
        err.seek(0)
        return code, out.read().decode(), err.read().decode()


def empty(text):
    return text.strip() in ("", "None", "null", "[]", "{}")


def run(line):
    if line.startswith("query "):
        code, out, err = client(shlex.split(line[len("query "):]))
        if code == 0:
            print(out, end="", flush=True)
        return code, err
    word = " if " if " if " in line else " unless "
    command, _, query = line.partition(word)
    began = time.monotonic()
    if query:
        code, out, _ = client(shlex.split(query))
        there = code == 0 and not empty(out)
        if there != (word == " if "):
            print(f"==> openstack {command} ... {'is there' if there else 'is not there'}", flush=True)
            return 0, ""
    print(f"==> openstack {command} ... ", end="", flush=True)
    code, out, err = client(shlex.split(command))
    print(f"{time.monotonic() - began:.1f} s" if code == 0 else "FAILED", flush=True)
    return code, err or out


for text in sys.stdin:
    text = text.strip()
    if not text or text.startswith("#"):
        continue
    status, complaint = run(text)
    if status != 0:
        print(complaint, file=sys.stderr, end="")
        sys.exit(status)
