package server_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What a proxy may see another end of than this server is refused, or is the last request
// of its connection (RFC 9112 §6): what follows its end is never served.
func TestSmuggledRequest(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	const second = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
	const chunked = "Transfer-Encoding: chunked\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(second))
	with := func(fields, body string) string {
		return "PUT /first HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n" + body
	}
	last := "0\r\n\r\n" + second
	lengthOfAll := fmt.Sprintf("Content-Length: %d\r\n", len(last))
	refused := []int{http.StatusBadRequest, http.StatusNotImplemented}
	served := []int{http.StatusUnauthorized}
	either := []int{http.StatusUnauthorized, http.StatusBadRequest}
	for _, tt := range []struct {
		name, sent string
		want       []int
	}{
		{"length, then chunked", with(lengthOfAll+chunked, last), served},
		{"chunked, then length", with(chunked+lengthOfAll, last), served},
		{"chunked, and a length of nothing", with("Content-Length: 0\r\n"+chunked, last), served},
		{"chunked, and no length", with(chunked, last), served},
		{"chunked on a line of its own", with("Transfer-Encoding:\r\n chunked\r\n"+lengthOfAll, last), either},
		{"a length on a line of its own", with("Content-Length:\r\n "+length[len("Content-Length: "):]+"Connection: close\r\n", second), either},
		{"a length in a field that goes on", with("X-Field: a\r\n "+length+"Connection: close\r\n", ""), either},
		{"a field that goes on before there is one", "PUT /first HTTP/1.1\r\n Host: localhost\r\n" + length + "\r\n" + second, refused},
		{"chunked in HTTP/1.0", "PUT /first HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n" + chunked + "Content-Length: 5\r\n\r\n" + last, served},
		{"HTTP/1.0 that wants to go on", "PUT /first HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n" + last, served},
		{"two lengths", with("Content-Length: 0\r\n"+length, second), refused},
		{"two lengths in one field", with(fmt.Sprintf("Content-Length: 0, %d\r\n", len(second)), second), refused},
		{"the same length twice", with(length+length+"Connection: close\r\n", second), either},
		{"the same length twice in one field", with(fmt.Sprintf("Content-Length: %d, %[1]d\r\n", len(second)), second), refused},
		{"two lengths, and chunked", with("Content-Length: 0\r\n"+length+chunked, last), refused},
		{"a length with a plus", with("Content-Length: +0\r\n", second), refused},
		{"a length below zero", with("Content-Length: -1\r\n", second), refused},
		{"a length in hexadecimal", with("Content-Length: 0x0\r\n", second), refused},
		{"a length with a space in it", with("Content-Length: 0 0\r\n", second), refused},
		{"a length that is empty", with("Content-Length:\r\n", second), refused},
		{"a length of too many digits", with("Content-Length: 18446744073709551616\r\n", second), refused},
		{"a length whose name ends in a space", with("Content-Length : 0\r\n", second), refused},
		{"chunked whose name ends in a space", with("Transfer-Encoding : chunked\r\n"+lengthOfAll, last), refused},
		{"chunked whose name ends in a tab", with("Transfer-Encoding\t: chunked\r\n"+lengthOfAll, last), refused},
		{"chunked twice", with(chunked+chunked+lengthOfAll, last), refused},
		{"chunked twice in one field", with("Transfer-Encoding: chunked, chunked\r\n"+lengthOfAll, last), refused},
		{"another coding before", with("Transfer-Encoding: gzip, chunked\r\n"+lengthOfAll, last), refused},
		{"another coding after", with("Transfer-Encoding: chunked, identity\r\n"+lengthOfAll, last), refused},
		{"another coding", with("Transfer-Encoding: identity\r\n"+lengthOfAll, last), refused},
		{"nearly chunked", with("Transfer-Encoding: xchunked\r\n"+lengthOfAll, last), refused},
		{"chunked in quotes", with("Transfer-Encoding: \"chunked\"\r\n"+lengthOfAll, last), refused},
		{"chunked and a vertical tab", with("Transfer-Encoding: chunked\x0b\r\n"+lengthOfAll, last), refused},
		{"a carriage return in a field", with("X-Field: a\rContent-Length: 0\r\n", second), refused},
		{"NUL in a field", with("X-Field: a\x00\r\n", second), refused},
		{"a chunk's size with a plus", with(chunked, "+0\r\n\r\n"+second), served},
		{"a chunk's size below zero", with(chunked, "-1\r\n\r\n"+second), served},
		{"a chunk's size in front of nothing", with(chunked, "0x0\r\n\r\n"+second), served},
		{"a chunk's size of too many digits", with(chunked, "10000000000000000\r\n\r\n"+second), served},
		{"a chunk's size that ends in a line feed", with(chunked, "0;\n\r\n"+second), served},
		{"a chunk longer than its size", with(chunked, "1\r\nabc\r\n"+last), served},
		{"a chunk's extension that never ends", with(chunked, "1;"+strings.Repeat("x", 1<<16)+"\r\na\r\n"+last), served},
		{"GET with a body", strings.Replace(with(length+"Connection: close\r\n", second), "PUT", "GET", 1), served},
		{"two hosts", with("Host: elsewhere\r\n", second), refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := raw(t, s.HTTP, tt.sent)
			a, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if !slices.Contains(tt.want, a.StatusCode) {
				t.Errorf("%s, want one of %d\n%s", a.Status, tt.want, text)
			}
			if n := bytes.Count(text, []byte("HTTP/1.")); n != 1 {
				t.Errorf("%d answers\n%s", n, text)
			}
		})
	}
	if text, err := os.ReadFile(filepath.Join(c.Server.Data, "access.log")); err != nil || strings.Contains(string(text), "/smuggled") {
		t.Errorf("%v\n%s", err, text)
	}
}

// raw is all that a server answers to some bytes until it ends the connection.
func raw(t *testing.T, url, sent string) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, sent); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) { // what was not read any more
		t.Fatalf("the connection goes on: %v\n%s", err, text)
	}
	return text
}
