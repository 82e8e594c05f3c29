package main

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"path"
)

// Sizes and bounds that the runtime tells of itself.
const (
	modelBytes    = 1 << 20
	capacityBytes = 8 << 30
)

// Field numbers of mmesh.RuntimeStatusResponse.
const (
	fieldStatus             = 1
	fieldCapacity           = 2
	fieldLoadingConcurrency = 3
	fieldLoadingTimeoutMs   = 4
	fieldDefaultModelSize   = 5
	fieldAllowAnyMethod     = 10
)

// serveContract serves mmesh.ModelRuntime: every model is loaded at once and forgotten as soon.
func serveContract(listener net.Listener) error {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := http.Server{Protocols: &protocols, Handler: http.HandlerFunc(answerContract)}
	return server.Serve(listener)
}

func answerContract(response http.ResponseWriter, request *http.Request) {
	_, _ = io.Copy(io.Discard, request.Body)
	var message []byte
	put := func(field, value uint64) {
		message = binary.AppendUvarint(message, field<<3)
		message = binary.AppendUvarint(message, value)
	}
	status := "0"
	switch path.Base(request.URL.Path) {
	case "runtimeStatus":
		put(fieldStatus, 1)
		put(fieldCapacity, capacityBytes)
		put(fieldLoadingConcurrency, 8)
		put(fieldLoadingTimeoutMs, 60_000)
		put(fieldDefaultModelSize, modelBytes)
		put(fieldAllowAnyMethod, 1)
	case "loadModel", "predictModelSize", "modelSize":
		put(1, modelBytes)
	case "unloadModel":
	default:
		status = "12"
	}
	response.Header().Set("content-type", "application/grpc")
	response.Header().Set("trailer", "grpc-status")
	if status == "0" {
		frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
		_, _ = response.Write(append(frame, message...))
	}
	response.Header().Set("grpc-status", status)
}
