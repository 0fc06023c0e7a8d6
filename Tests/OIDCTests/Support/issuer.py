# SPDX-License-Identifier: Apache-2.0
# An issuer for tests: a web server whose pages the test sets, and a signer that is not ours. The test steers it by
# POSTs of JSON to the control port. It ends when its standard input does.
import base64, datetime, hashlib, hmac, ipaddress, json, os, socket, ssl, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
CURVES = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1, "secp256k1": ec.SECP256K1}
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
keys, pages, counts, lock = {}, {}, {}, threading.Lock()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, length=None):
    return b64(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


def make_key(kind, bits):
    if kind == "RSA":
        return rsa.generate_private_key(65537, bits)
    return ed25519.Ed25519PrivateKey.generate() if kind == "Ed25519" else ec.generate_private_key(CURVES[kind]())


def jwk(kind, key):
    public = key.public_key()
    if kind == "RSA":
        numbers = public.public_numbers()
        return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
    if kind == "Ed25519":
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": kind, "x": b64(raw)}
    length = (public.curve.key_size + 7) // 8
    numbers = public.public_numbers()
    return {"kty": "EC", "crv": kind, "x": number(numbers.x, length), "y": number(numbers.y, length)}


def sign(name, algorithm, data):
    key = keys[name]
    if algorithm == "none":
        return b""
    digest = HASHES.get(algorithm[2:], hashes.SHA256)()
    if algorithm.startswith("HS"):
        # The confusion: the public key, as everybody has it, taken for a shared secret.
        pem = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return hmac.new(pem, data, getattr(hashlib, "sha" + algorithm[2:])).digest()
    if algorithm.startswith("RS"):
        return key.sign(data, padding.PKCS1v15(), digest)
    if algorithm.startswith("PS"):
        return key.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    if algorithm == "EdDSA":
        return key.sign(data)
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
    length = (key.curve.key_size + 7) // 8
    return r.to_bytes(length, "big") + s.to_bytes(length, "big")


def command(request):
    do = request["do"]
    if do == "key":
        key = keys[request["name"]] = make_key(request["kind"], request.get("bits", 2048))
        return {"jwk": jwk(request["kind"], key)}
    if do == "sign":
        tokens = []
        for header, payload in request["parts"]:
            data = (b64(header.encode()) + "." + b64(payload.encode())).encode()
            tokens.append(data.decode() + "." + b64(sign(request["key"], request["alg"], data)))
        return {"tokens": tokens}
    if do == "page":
        with lock:
            pages[request["path"]] = request
        return {}
    if do == "count":
        with lock:
            return {"count": counts.get(request["path"], 0)}
    if do == "listen":
        issuer.server_activate()
        threading.Thread(target=issuer.serve_forever, daemon=True).start()
        return {}
    if do == "tls":
        return {"port": serve_tls(request["certificate"])}
    raise ValueError(do)


class Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass


class Control(Quiet):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(command(request)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Page(Quiet):
    def do_GET(self):
        with lock:
            counts[self.path] = counts.get(self.path, 0) + 1
            page = pages.get(self.path, {"status": 404, "body": "no such page"})
        if page.get("reset"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        time.sleep(page.get("delay", 0))
        body = page.get("body", "").encode()
        size = page.get("size", len(body))
        self.send_response(page.get("status", 200))
        for name, value in page.get("headers", {}).items():
            self.send_header(name, value)
        if page.get("chunked"):
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(size))
        self.end_headers()
        if page.get("drip"):
            # One byte now and then, for ever.
            while True:
                self.wfile.write(b" ")
                time.sleep(0.2)
        if size == len(body):
            self.wfile.write(body)
            return
        block = b" " * 65536
        for _ in range(size // len(block)):
            self.wfile.write(b"10000\r\n" + block + b"\r\n" if page.get("chunked") else block)
        if page.get("chunked"):
            self.wfile.write(b"0\r\n\r\n")


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *arguments):
        pass


def serve_tls(path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True).sign(key, hashes.SHA256()))
    with open(path, "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
    with open(path + ".key", "wb") as file:
        file.write(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    server = Server(("127.0.0.1", 0), Page)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, path + ".key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


# Bound but not listening: the port is ours, and connections are refused until the test says "listen".
issuer = Server(("127.0.0.1", 0), Page, bind_and_activate=False)
issuer.server_bind()
control = Server(("127.0.0.1", 0), Control)
with open(sys.argv[1] + ".new", "w") as file:
    file.write(f"{control.server_port} {issuer.server_port}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
control.serve_forever()
