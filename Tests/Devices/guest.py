"""Runs in the emulated machine: carries out the shell commands that the tests outside send, one on each connection.

A request is a line of JSON, the command; the answer another one, [exit code, output]. The command `exit` ends the machine.
"""

import json
import os
import socketserver
import subprocess
import sys


class Commands(socketserver.StreamRequestHandler):
    def handle(self):
        command = json.loads(self.rfile.readline())
        if command == "exit":
            os._exit(0)
        done = subprocess.run(
            ["bash", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.wfile.write(json.dumps([done.returncode, done.stdout.decode(errors="replace")]).encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("0.0.0.0", int(sys.argv[1])), Commands).serve_forever()
