// A runtime for benchmarks: it answers every gRPC message of every method with the message itself. By itself it does so through net/http, as
// services in Go do: every answer is a write of its own. With -frames it costs next to nothing: one goroutine a connection reads and writes frames,
// never looks at header fields, and gathers the answers of all calls into one write.
//
//	backend [-frames] -inference unix:/path -tcp 127.0.0.1:0 -management unix:/path
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"strings"
)

func main() {
	inference := flag.String("inference", "", "where calls are answered: unix:/path or host:port")
	tcp := flag.String("tcp", "127.0.0.1:0", "where the same calls are answered over TCP")
	management := flag.String("management", "", "where the runtime contract is served")
	frames := flag.Bool("frames", false, "answer by frames instead of net/http")
	flag.Parse()
	for _, address := range []string{*inference, *tcp} {
		listener := listen(address)
		fmt.Printf("{\"event\":\"listening\",\"at\":%q}\n", listener.Addr().String())
		if *frames {
			go serveFrames(listener)
		} else {
			go serveHandler(listener)
		}
	}
	contract := listen(*management)
	fmt.Println("{\"event\":\"ready\"}")
	log.Fatal(serveContract(contract))
}

func listen(address string) net.Listener {
	network := "tcp"
	if path, isUnix := strings.CutPrefix(address, "unix:"); isUnix {
		network, address = "unix", path
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		log.Fatal(err)
	}
	return listener
}

func serveFrames(listener net.Listener) {
	for {
		socket, err := listener.Accept()
		if err != nil {
			return
		}
		go newConnection(socket).run()
	}
}
