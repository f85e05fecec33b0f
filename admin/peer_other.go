//go:build !linux

package admin

import "net"

// peerOf does not know who connected a socket.
func peerOf(net.Conn) (o Operator, ok bool) { return o, false }
