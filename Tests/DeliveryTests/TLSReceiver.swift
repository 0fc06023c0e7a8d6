// SPDX-License-Identifier: Apache-2.0
import Children
import Foundation
import TestSupport

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// An HTTPS server with a certificate that nobody signed but itself, by Python's standard library.
final class TLSReceiver {
    private let process = Process()
    /// The child ends when this pipe closes: also when this process dies.
    private let lifeline = Pipe()
    let url: String

    struct Failure: Error {
        var what: String
    }

    static var isPossible: Bool {
        ["python3", "openssl"].allSatisfy { tool in
            (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
                FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)")
            }
        }
    }

    init(folder: Folder) async throws {
        let openssl = Process()
        openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        openssl.arguments = [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1", "-keyout", folder.path("key.pem"), "-out", folder.path("cert.pem"),
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.start()
        openssl.waitUntilExit()
        guard openssl.terminationStatus == 0 else { throw Failure(what: "openssl failed") }
        let script = """
            import http.server, os, ssl, sys, threading
            threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_POST(self):
                    self.rfile.read(int(self.headers.get("Content-Length", "0")))
                    self.send_response(200)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                def log_message(self, *arguments): pass
            class Server(http.server.ThreadingHTTPServer):
                def handle_error(self, *arguments): pass
            server = Server(("127.0.0.1", 0), Handler)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(sys.argv[1], sys.argv[2])
            server.socket = context.wrap_socket(server.socket, server_side=True)
            with open(sys.argv[3] + ".new", "w") as file: file.write(str(server.server_port))
            os.rename(sys.argv[3] + ".new", sys.argv[3])
            server.serve_forever()
            """
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", "-c", script, folder.path("cert.pem"), folder.path("key.pem"), folder.path("port"),
        ]
        process.standardInput = lifeline
        // Inherited, it would keep the test runner waiting for a child that outlives us.
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.start()
        let path = folder.path("port")
        guard try await eventually({ FileManager.default.fileExists(atPath: path) }) else {
            kill(process.processIdentifier, SIGKILL)
            throw Failure(what: "python3 did not start")
        }
        url = "https://127.0.0.1:\(try String(contentsOfFile: path, encoding: .utf8))/hook"
    }

    /// SIGKILL: a child inherits the signals that the spawning thread blocks, and pool threads block SIGTERM.
    func stop() { kill(process.processIdentifier, SIGKILL) }
}
