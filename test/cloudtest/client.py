"""Runs many commands of the unmodified openstack client out of one process.

Each line of standard input is a JSON list, the arguments of one command. The answer is one line
{"code": exit status, "out": standard output, "err": standard error}. The client is imported
once; every command then runs in a process of its own, forked from here, through the same main() that
/usr/bin/openstack calls.
"""
import importlib
import json
import os
import sys
import tempfile

for module in ("openstackclient.shell", "openstackclient.common.clientmanager", "openstackclient.compute.client",
               "openstackclient.identity.client", "openstackclient.image.client", "openstackclient.network.client",
               "openstackclient.volume.client", "openstackclient.compute.v2.server", "openstackclient.image.v2.image",
               "openstackclient.network.v2.network", "openstackclient.volume.v3.volume", "openstackclient.volume.v2.volume",
               "openstackclient.identity.v3.project", "novaclient.client", "novaclient.v2.client", "cinderclient.v3.client",
               "keystoneclient.v3.client", "openstack.connection", "cmd2"):
    try:
        importlib.import_module(module)
    except ImportError:  # only slower: the client imports what it needs
        pass

from openstackclient.shell import main  # noqa: E402


def run(argv):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w", closefd=False), open(2, "w", closefd=False)
                sys.argv = ["openstack"] + argv
                code = main(argv) or 0
            except SystemExit as e:
                code = e.code if isinstance(e.code, int) else 1
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        out.seek(0)
        err.seek(0)
        return {"code": os.waitstatus_to_exitcode(status), "out": out.read().decode("utf-8", "replace"),
                "err": err.read().decode("utf-8", "replace")}


commands = os.fdopen(os.dup(0), "r")
answers = os.fdopen(os.dup(1), "w")
for line in commands:
    answers.write(json.dumps(run(json.loads(line))) + "\n")
    answers.flush()
