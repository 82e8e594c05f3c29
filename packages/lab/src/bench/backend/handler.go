package main

import (
	"io"
	"net"
	"net/http"
	"sync"
)

// streamHeader asks that every part of the request is answered at once, instead of the whole at its end.
const streamHeader = "bench-stream"

const copyBytes = 32 << 10

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// serveHandler answers calls through net/http as services in Go do: a goroutine a call, and writes of its own for every answer.
func serveHandler(listener net.Listener) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	windows := http.HTTP2Config{
		MaxConcurrentStreams:          streamsMax,
		MaxReceiveBufferPerConnection: connectionWindow,
		MaxReceiveBufferPerStream:     streamWindow,
	}
	server := http.Server{Protocols: &protocols, Handler: http.HandlerFunc(answer), HTTP2: &windows}
	_ = server.Serve(listener)
}

func answer(response http.ResponseWriter, request *http.Request) {
	header := response.Header()
	header.Set("content-type", "application/grpc")
	header.Set("trailer", "grpc-status")
	if request.Header.Get(streamHeader) != "" {
		echoParts(response, request.Body)
	} else if !echoWhole(response, request.Body) {
		return
	}
	header.Set("grpc-status", "0")
}

func echoWhole(response io.Writer, body io.Reader) bool {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	message := (*buffer)[:0]
	for {
		if len(message) == cap(message) {
			message = append(message, make([]byte, max(copyBytes, len(message)))...)[:len(message)]
		}
		n, err := body.Read(message[len(message):cap(message)])
		message = message[:len(message)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return false
		}
	}
	*buffer = message
	_, err := response.Write(message)
	return err == nil
}

func echoParts(response http.ResponseWriter, body io.Reader) {
	control := http.NewResponseController(response)
	_ = control.Flush()
	part := make([]byte, 4096)
	for {
		n, err := body.Read(part)
		if n > 0 {
			_, _ = response.Write(part[:n])
			_ = control.Flush()
		}
		if err != nil {
			return
		}
	}
}
