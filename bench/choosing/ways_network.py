"""Protocols that also reach other machines, here all on this one: XML-RPC, MQTT, REST, OPC UA."""

import getpass
import http.client
import json
import logging
import queue
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from xmlrpc.client import ServerProxy
from xmlrpc.server import SimpleXMLRPCServer

from asyncua import ua
from asyncua.sync import Client as OpcuaClient
from asyncua.sync import SyncNode
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from way import FIELDS, Reader, Value, Way, Writer, value
from ways_pegel import BOARD, PegelWriter

# Requests that it was refused do not matter here.
logging.getLogger("asyncua").setLevel(logging.ERROR)
ROOT = Path(__file__).resolve().parents[2]


class Latest:
    """The latest value in a server, whose clients can wait for the next one."""

    def __init__(self) -> None:
        self.now, self.changed = value(0), threading.Condition()

    def publish(self, now: Value) -> None:
        with self.changed:
            self.now = now
            self.changed.notify_all()

    def get(self) -> Value:
        return self.now

    def wait(self, after: Any) -> Value:
        with self.changed:
            self.changed.wait_for(lambda: self.now["at"] > after)
            return self.now


class ServerWriter(Writer):
    def __init__(self, server: Any, latest: Latest, place: Path) -> None:
        self.server, self.latest = server, latest
        (place / "port").write_text(str(server.server_address[1]))
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def publish(self, now: Value) -> None:
        self.latest.publish(now)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class XmlRpcServer(ThreadingMixIn, SimpleXMLRPCServer):
    daemon_threads = True


class XmlRpc(Way):
    name = "RPC (XML-RPC)"
    waiting = "a call that returns when there is one"

    def writer(self) -> Writer:
        latest = Latest()
        server = XmlRpcServer(("127.0.0.1", 0), logRequests=False)
        server.register_function(latest.get, "get")
        server.register_function(latest.wait, "wait")
        return ServerWriter(server, latest, self.place)

    def reader(self) -> Reader:
        port = (self.place / "port").read_text()
        proxy: Any = ServerProxy(f"http://127.0.0.1:{port}")

        class XmlRpcReader(Reader):
            def get(self) -> Value:
                now: Value = proxy.get()
                return now

            def wait(self, after: float) -> Value:
                now: Value = proxy.wait(after)
                return now

            def close(self) -> None:
                proxy("close")()

        return XmlRpcReader()


class Rest(Way):
    name = "REST (HTTP, JSON)"
    waiting = "a request that is answered when there is one"

    def writer(self) -> Writer:
        latest = Latest()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Without this, an answer in two packets waits for an acknowledgement.
            wbufsize = -1

            def do_GET(self) -> None:
                _, _, after = self.path.partition("?after=")
                now = latest.wait(float(after)) if after else latest.get()
                body = json.dumps(now).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Logs nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        return ServerWriter(server, latest, self.place)

    def reader(self) -> Reader:
        port = int((self.place / "port").read_text())
        connection = http.client.HTTPConnection("127.0.0.1", port)

        def ask(path: str) -> Value:
            connection.request("GET", path)
            now: Value = json.load(connection.getresponse())
            return now

        class RestReader(Reader):
            def get(self) -> Value:
                return ask("/value")

            def wait(self, after: float) -> Value:
                return ask(f"/value?after={after!r}")

            def close(self) -> None:
                connection.close()

        return RestReader()


class Mqtt(Way):
    """Mosquitto; `get` subscribes to the retained value, `wait` stays subscribed."""

    name = "MQTT (Mosquitto, retained)"
    topic = "value/latest"

    def connect(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, transport="unix")
        client.connect(str(self.place / "mqtt"), 1)
        client.loop_start()
        while not client.is_connected():
            time.sleep(0.01)
        return client

    def writer(self) -> Writer:
        address = self.place / "mqtt"
        config = self.place / "mosquitto.conf"
        config.write_text(
            f"listener 0 {address}\nallow_anonymous true\nlog_type none\nuser {getpass.getuser()}\n"
        )
        command = ["/usr/sbin/mosquitto", "-c", str(config)]
        broker = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while not address.exists():
            if broker.poll() is not None:
                raise RuntimeError(f"mosquitto ended with {broker.returncode}")
            time.sleep(0.01)
        client, topic = self.connect(), self.topic

        class MqttWriter(Writer):
            def publish(self, now: Value) -> None:
                client.publish(topic, json.dumps(now), retain=True)

            def close(self) -> None:
                client.disconnect()
                client.loop_stop()
                broker.terminate()
                broker.wait()

        return MqttWriter()

    def reader(self) -> Reader:
        client, topic = self.connect(), self.topic
        got: queue.Queue[Value] = queue.Queue()

        def take(_client: object, _data: object, message: MQTTMessage) -> None:
            got.put(json.loads(message.payload))

        client.on_message = take
        followed = [False]

        class MqttReader(Reader):
            def get(self) -> Value:
                client.subscribe(topic)
                now = got.get()
                client.unsubscribe(topic)
                return now

            def wait(self, after: float) -> Value:
                if not followed[0]:
                    client.subscribe(topic)
                    followed[0] = True
                while (now := got.get())["at"] <= after:
                    pass
                return now

            def close(self) -> None:
                client.disconnect()
                client.loop_stop()

        return MqttReader()


class Opcua(Way):
    """`pegel opcua` and its subscriptions, which the server checks 50 times a second."""

    name = "OPC UA (pegel opcua)"
    waiting = "a subscription of 20 ms"

    def writer(self) -> Writer:
        writer = PegelWriter(self.place)
        program = str(ROOT / "target/release/pegel")
        command = [program, "--dir", str(self.place), "opcua", "--listen", "127.0.0.1:0"]
        server = subprocess.Popen(
            [*command, "--state-dir", str(self.place / "state")], stdout=subprocess.PIPE, text=True
        )
        assert server.stdout
        (self.place / "url").write_text(server.stdout.readline().strip())

        class OpcuaWriter(Writer):
            def publish(self, now: Value) -> None:
                writer.publish(now)

            def close(self) -> None:
                server.terminate()
                server.wait()
                writer.close()

        return OpcuaWriter()

    def reader(self) -> Reader:
        client = OpcuaClient((self.place / "url").read_text())
        client.connect()
        namespace = client.get_namespace_index("urn:pegel:boards")
        nodes = [
            client.get_node(ua.NodeId(ua.String(f"{BOARD}/{field}"), ua.Int16(namespace)))
            for field in FIELDS
        ]
        got: queue.Queue[float] = queue.Queue()

        class Changes:
            def datachange_notification(self, _node: SyncNode, at: float, _data: object) -> None:
                got.put(at)

        subscribed = [False]

        class OpcuaReader(Reader):
            def get(self) -> Value:
                return dict(zip(FIELDS, client.read_values(nodes), strict=True))

            def wait(self, after: float) -> Value:
                if not subscribed[0]:
                    client.create_subscription(20, Changes()).subscribe_data_change(nodes[0])
                    subscribed[0] = True
                while (at := got.get()) <= after:
                    pass
                return {"at": at}

            def close(self) -> None:
                client.disconnect()

        return OpcuaReader()


WAYS = [XmlRpc, Mqtt, Rest, Opcua]
