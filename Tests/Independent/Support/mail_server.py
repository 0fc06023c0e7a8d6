# SPDX-License-Identifier: Apache-2.0
"""An SMTP server (aiosmtpd) with STARTTLS and AUTH: CERT KEY FOLDER. Writes its port to FOLDER/port and every mail to
FOLDER/mail-N.json; an address that begins with a number of three digits is refused with it. Ends when standard input does."""
import base64
import json
import os
import socket
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

certificate, key, folder = sys.argv[1:4]
requires_auth = "auth" in sys.argv[4:]
offers_tls = "plain" not in sys.argv[4:]


class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address[:3].isdigit():
            return f"{address[:3]} as you ask"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        mail = {
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
            "peer": session.peer[1], "hello": session.host_name, "authenticated": session.authenticated,
            "content": base64.b64encode(envelope.original_content).decode(),
        }
        path = os.path.join(folder, f"mail-{self.count}.json")
        with open(path + ".new", "w") as file:
            json.dump(mail, file)
        os.rename(path + ".new", path)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    # Not handled: the server itself answers 235 or 535.
    return AuthResult(success=(data.login, data.password) == (b"gatewatch", b"pass word"), handled=False)


class Server(Controller):
    def factory(self):
        context = None
        if offers_tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
        return SMTP(
            self.handler, tls_context=context, require_starttls=offers_tls, authenticator=authenticate,
            auth_required=requires_auth, hostname="mail.test")


listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
listener.close()
controller = Server(Handler(), hostname="127.0.0.1", port=port)
controller.start()
with open(os.path.join(folder, "port.new"), "w") as file:
    file.write(str(port))
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
sys.stdin.read()
os._exit(0)
