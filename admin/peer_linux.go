package admin

import (
	"net"

	"golang.org/x/sys/unix"

	"convene/audit"
)

// peerOf asks the kernel who connected a socket (SO_PEERCRED, unix(7)).
func peerOf(c net.Conn) (o Operator, ok bool) {
	socket, ok := c.(*net.UnixConn)
	if !ok {
		return o, false
	}
	control, err := socket.SyscallConn()
	if err != nil {
		return o, false
	}
	var cred *unix.Ucred
	asked := control.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if asked != nil || err != nil {
		return o, false
	}
	return Operator{how: audit.Socket, uid: cred.Uid, pid: cred.Pid}, true
}
