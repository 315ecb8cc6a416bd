"""What stands on PATH as `ispctl` and `ispstat`: hands its words, folder, surroundings and streams to the process that
has loaded the program, and ends as the command there ends. It imports nothing that takes time."""

from _signal import SIG_DFL, SIGHUP, SIGINT, SIGKILL, SIGTERM, signal  # type: ignore[import-not-found]
from _socket import AF_UNIX, SCM_RIGHTS, SOCK_SEQPACKET, SOL_SOCKET, socket
from os import _exit, close, environb, fsencode, getcwdb, getpid, kill
from sys import argv, byteorder


def main() -> None:
    folder, _, program = argv[0].rpartition("/")
    link = socket(AF_UNIX, SOCK_SEQPACKET)
    link.connect(f"{folder}/door")
    words = [fsencode(program), getcwdb(), b"%d" % (len(argv) - 1), *map(fsencode, argv[1:])]
    request = b"\0".join([*words, *(name + b"=" + value for name, value in environb.items())])
    streams = b"".join(stream.to_bytes(4, byteorder) for stream in (0, 1, 2))
    link.sendmsg([request], [(SOL_SOCKET, SCM_RIGHTS, streams)])
    child = int(link.recv(20))
    for number in (SIGHUP, SIGINT, SIGTERM):
        signal(number, lambda number, _: kill(child, number))
    for stream in (0, 1, 2):  # whoever reads an answer to its end waits for the command alone
        close(stream)
    code = int(link.recv(20) or -SIGKILL)
    if code < 0:
        if -code != SIGKILL:
            signal(-code, SIG_DFL)
        kill(getpid(), -code)
    _exit(code)


if __name__ == "__main__":
    main()
