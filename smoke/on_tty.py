"""Runs a program on a terminal of its own that changes its size once.

on_tty.py COLUMNSxROWS COLUMNSxROWS CMD...: the second size is set when the program has written a line "ready". What it wrote is
printed, and then a line "status N".
"""
import fcntl
import os
import pty
import struct
import sys
import termios


def set_size(fd, words):
    columns, rows = map(int, words.split("x"))
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def main(first, second, *command):
    pid, terminal = pty.fork()
    if pid == 0:
        set_size(0, first)
        os.execvp(command[0], command)
    written, changed = b"", False
    while True:
        try:
            some = os.read(terminal, 4096)
        except OSError:  # EIO: the last of the other side has closed it
            some = b""
        if not some:
            break
        written += some
        if not changed and b"ready\r\n" in written:
            set_size(terminal, second)
            changed = True
    sys.stdout.write(written.decode(errors="replace"))
    _, status = os.waitpid(pid, 0)
    print("status", os.waitstatus_to_exitcode(status))


main(*sys.argv[1:])
