"""As much of D-Bus as a test needs that has to stay on the bus: what dbus-send registers is gone when it ends."""
import os
import socket
import struct

SYSTEM = "/run/dbus/system_bus_socket"


class Writer:
    def __init__(self):
        self.bytes = b""

    def align(self, size):
        self.bytes += bytes(-len(self.bytes) % size)

    def u32(self, value):
        self.align(4)
        self.bytes += struct.pack("<I", value)

    def text(self, value):
        """A string or an object path."""
        self.u32(len(value.encode()))
        self.bytes += value.encode() + b"\0"

    def signature(self, value):
        self.bytes += bytes([len(value)]) + value.encode() + b"\0"

    def array(self, element_align, write):
        self.u32(0)
        at = len(self.bytes)
        self.align(element_align)
        begin = len(self.bytes)
        write()
        self.bytes = self.bytes[: at - 4] + struct.pack("<I", len(self.bytes) - begin) + self.bytes[at:]


class SystemBus:
    def __init__(self):
        self.serial = 0
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(SYSTEM)
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
        assert self.socket.recv(200).startswith(b"OK"), "refused by D-Bus"
        self.socket.sendall(b"BEGIN\r\n")
        self.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.socket.close()

    def read(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            assert part, "the bus hung up"
            data += part
        return data

    def call(self, destination, path, interface, member, signature="", body=b""):
        """Waits for the answer; an error is raised, with the message in it."""
        self.serial += 1
        head = Writer()
        head.bytes = struct.pack("<cBBBII", b"l", 1, 0, 1, len(body), self.serial)

        def fields():
            for code, kind, value in ((1, "o", path), (2, "s", interface), (3, "s", member), (6, "s", destination), (8, "g", signature)):
                head.align(8)
                head.bytes += bytes([code])
                head.signature(kind)
                head.signature(value) if kind == "g" else head.text(value)

        head.array(8, fields)
        head.align(8)
        self.socket.sendall(head.bytes + body)
        while True:  # signals are not for us
            fixed = self.read(16)
            kind, length, of_fields = fixed[1], *struct.unpack_from("<I", fixed, 4), *struct.unpack_from("<I", fixed, 12)
            rest = self.read(of_fields + -of_fields % 8 + length)
            if kind == 3:
                raise AssertionError(f"{member}: {rest!r}")
            if kind == 2:
                return rest

    def register_profile(self, uuid, record):
        body = Writer()
        body.text("/test/profile")
        body.text(uuid)

        def options():
            for key, value in (("Role", "server"), ("ServiceRecord", record)):
                body.align(8)
                body.text(key)
                body.signature("s")
                body.text(value)

        body.array(8, options)
        self.call("org.bluez", "/org/bluez", "org.bluez.ProfileManager1", "RegisterProfile", "osa{sv}", body.bytes)
