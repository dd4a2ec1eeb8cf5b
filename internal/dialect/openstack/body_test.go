package openstack

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A client that sends its whole body before it reads, as most do, reads why it was refused.
func TestRefusedWhileSending(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		discardRest(w, r)
		w.WriteHeader(http.StatusTeapot)
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	half := make([]byte, 4<<20)
	send := func(b []byte) {
		t.Helper()
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	send(fmt.Appendf(nil, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", 2*len(half)))
	send(half)
	time.Sleep(800 * time.Millisecond) // longer than net/http leaves a client before it closes the connection
	send(half)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusTeapot {
		t.Errorf("answered %s", answer.Status)
	}
}
