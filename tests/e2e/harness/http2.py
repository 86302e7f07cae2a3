"""One HTTP/2 connection, driven line by line: what h2 would refuse to send goes out as well.

    python3 http2.py PORT

Each line of standard input is a command as JSON, each line of standard output its answer. Bytes are
strings of code points up to 255. Standard input's end is the program's.

    {"do": "start", "fields": [[name, value], …], "end": bool}    {"stream": n}
        Sends a header section, pseudo-headers and all, in this order and as it is.
    {"do": "send", "stream": n, "body": text, "end": bool}        {}
        Hands over a part of the body. It leaves as far as the other side's windows allow, also while
        other commands run.
    {"do": "trailers", "stream": n, "fields": [[name, value], …]} {}
        Ends the request with these, once the body has left.
    {"do": "reset", "stream": n}                                  {}
    {"do": "state", "stream": n}                                  a state, as it is now
    {"do": "wait", "stream": n, "for": "head" | "end"}            a state, once that has come

A state is {"head": fields or null, "body": text, "trailers": fields or null, "ended": bool,
"reset": code or null, "closed": bool, "sent": bytes of the body that have left}. A wait ends too
where the stream was reset or the connection closed, and after 30 seconds.
"""

import json
import os
import selectors
import socket
import sys
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

DEADLINE = 30


def to_bytes(text):
    return text.encode("latin-1")


def to_text(data):
    return (data if isinstance(data, bytes) else data.encode()).decode("latin-1")


def to_fields(fields):
    return [(to_bytes(name), to_bytes(value)) for name, value in fields]


def to_lists(fields):
    return [[to_text(name), to_text(value)] for name, value in fields]


class Stream:
    def __init__(self):
        self.head = self.trailers = self.reset = None
        self.body = b""
        self.ended = False
        self.unsent = b""
        self.sent = 0
        self.ending = None  # None, or the trailers to end with: none are an empty list


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = h2.config.H2Configuration(
            client_side=True, header_encoding=False, validate_outbound_headers=False,
            normalize_outbound_headers=False, validate_inbound_headers=False)
        self.http = h2.connection.H2Connection(config)
        self.http.local_settings = h2.settings.Settings(
            client=True, initial_values={h2.settings.SettingCodes.ENABLE_PUSH: 0})
        self.http.initiate_connection()
        self.streams = {}
        self.closed = False
        self.flush()

    def flush(self):
        data = self.http.data_to_send()
        if data and not self.closed:
            try:
                self.socket.sendall(data)
            except OSError:
                self.closed = True

    def pump(self):
        """Sends of every body what the windows allow."""
        for number, stream in self.streams.items():
            if stream.reset is not None or self.closed:
                continue
            try:
                while stream.unsent:
                    room = min(self.http.local_flow_control_window(number),
                               self.http.max_outbound_frame_size, len(stream.unsent))
                    if room <= 0:
                        break
                    last = room == len(stream.unsent) and stream.ending == []
                    self.http.send_data(number, stream.unsent[:room], end_stream=last)
                    stream.unsent = stream.unsent[room:]
                    stream.sent += room
                    if last:
                        stream.ending = None
                if not stream.unsent and stream.ending is not None:
                    if stream.ending:
                        self.http.send_headers(number, stream.ending, end_stream=True)
                    else:
                        self.http.end_stream(number)
                    stream.ending = None
            except h2.exceptions.ProtocolError:
                stream.unsent, stream.ending = b"", None  # the other side has ended it
        self.flush()

    def read(self):
        """Takes in what has come; may be called whenever the socket can be read."""
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return
        try:
            events = self.http.receive_data(data)
        except h2.exceptions.ProtocolError:
            self.closed = True
            return
        for event in events:
            stream = self.streams.get(getattr(event, "stream_id", None))
            if isinstance(event, h2.events.ConnectionTerminated):
                self.closed = True
            elif stream is None:
                continue
            elif isinstance(event, h2.events.ResponseReceived):
                stream.head = event.headers
            elif isinstance(event, h2.events.TrailersReceived):
                stream.trailers = event.headers
            elif isinstance(event, h2.events.DataReceived):
                stream.body += event.data
                if event.flow_controlled_length:
                    self.http.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                stream.ended = True
            elif isinstance(event, h2.events.StreamReset):
                stream.reset = int(event.error_code)
        self.pump()

    def wait(self, stream, what):
        """Whether an answer to "wait" need not be put off any longer."""
        there = stream.ended or (what == "head" and stream.head is not None)
        return there or stream.reset is not None or self.closed

    def state(self, stream):
        lists = lambda fields: None if fields is None else to_lists(fields)
        return {"head": lists(stream.head), "body": to_text(stream.body),
                "trailers": lists(stream.trailers), "ended": stream.ended,
                "reset": stream.reset, "closed": self.closed, "sent": stream.sent}

    def start(self, command):
        number = self.http.get_next_available_stream_id()
        self.streams[number] = Stream()
        self.http.send_headers(number, to_fields(command["fields"]), end_stream=command["end"])
        self.flush()
        return {"stream": number}

    def do(self, command, stream):
        if command["do"] == "send":
            stream.unsent += to_bytes(command["body"])
            if command["end"]:
                stream.ending = []
        elif command["do"] == "trailers":
            stream.ending = to_fields(command["fields"])
        elif command["do"] == "reset":
            self.http.reset_stream(command["stream"], error_code=8)
            stream.reset = 8
        else:
            raise ValueError(command["do"])
        self.pump()
        return {}


def main():
    client = Client(int(sys.argv[1]))
    selector = selectors.DefaultSelector()
    selector.register(client.socket, selectors.EVENT_READ)
    selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
    pending = b""
    waits = None  # the stream, for what and until when: one command at a time
    while True:
        ready = [key.fd for key, _ in selector.select(0.1 if waits else None)]
        if client.socket.fileno() in ready:
            client.read()
            if client.closed:
                selector.unregister(client.socket)
        if sys.stdin.fileno() in ready:
            read = os.read(sys.stdin.fileno(), 65536)
            if not read:
                return
            pending += read
        answer = None
        if waits:
            stream, what, until = waits
            if client.wait(stream, what) or time.monotonic() > until:
                answer, waits = client.state(stream), None
        elif b"\n" in pending:
            line, pending = pending.split(b"\n", 1)
            command = json.loads(line)
            if command["do"] == "start":
                answer = client.start(command)
            else:
                stream = client.streams[command["stream"]]
                if command["do"] == "state":
                    answer = client.state(stream)
                elif command["do"] == "wait" and not client.wait(stream, command["for"]):
                    waits = (stream, command["for"], time.monotonic() + DEADLINE)
                elif command["do"] == "wait":
                    answer = client.state(stream)
                else:
                    answer = client.do(command, stream)
        if answer is not None:
            print(json.dumps(answer), flush=True)


main()
