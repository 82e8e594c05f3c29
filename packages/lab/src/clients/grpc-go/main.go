// grpc-go, as its users have it, without generated code: it calls a method with a message that it is given, and writes down what came back.
//
//	grpc-go-client [-ca FILE] [-calls N] [-connections N] [-stream] -message BASE64 host:port /package.Service/Method
//
// The calls go over all connections in turns, each connection's at the same time as the others'; with -stream each connection makes one call that
// sends the message so often. Prints {"answers": N, "different": N, "first": BASE64, "health": "SERVING"}.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/health/grpc_health_v1"
)

const timeout = 30 * time.Second

// rawCodec passes messages through as they are.
type rawCodec struct{}

func (rawCodec) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }
func (rawCodec) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = bytes.Clone(data)
	return nil
}
func (rawCodec) Name() string { return "proto" }

var _ encoding.Codec = rawCodec{}

type result struct {
	Answers   int    `json:"answers"`
	Different int    `json:"different"`
	First     []byte `json:"first"`
	Health    string `json:"health"`
}

func main() {
	ca := flag.String("ca", "", "PEM file of whom to trust; plaintext without")
	calls := flag.Int("calls", 1, "calls of each connection, or messages of each stream")
	connections := flag.Int("connections", 1, "connections")
	stream := flag.Bool("stream", false, "one call with many messages")
	message := flag.String("message", "", "the message, in base64")
	version := flag.Bool("version", false, "say the version of grpc-go")
	flag.Parse()
	if *version {
		fmt.Println(grpc.Version)
		return
	}
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	var request []byte
	if err := json.Unmarshal(fmt.Appendf(nil, "%q", *message), &request); err != nil {
		log.Fatal(err)
	}
	answers := make(chan []byte, 1024)
	var all sync.WaitGroup
	health := ""
	for number := range *connections {
		connection, err := grpc.NewClient(flag.Arg(0), grpc.WithTransportCredentials(credentialsFor(*ca)))
		if err != nil {
			log.Fatal(err)
		}
		if number == 0 {
			health = check(connection)
		}
		all.Go(func() {
			if *stream {
				converse(connection, flag.Arg(1), request, *calls, answers)
			} else {
				repeat(connection, flag.Arg(1), request, *calls, answers)
			}
		})
	}
	go func() {
		all.Wait()
		close(answers)
	}()
	told := result{Health: health}
	for answer := range answers {
		if told.Answers == 0 {
			told.First = answer
		}
		told.Answers++
		if !bytes.Equal(answer, told.First) {
			told.Different++
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(told)
}

func credentialsFor(path string) credentials.TransportCredentials {
	if path == "" {
		return insecure.NewCredentials()
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return credentials.NewTLS(&tls.Config{RootCAs: pool})
}

func check(connection *grpc.ClientConn) string {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	answer, err := grpc_health_v1.NewHealthClient(connection).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		log.Fatal(err)
	}
	return answer.Status.String()
}

func repeat(connection *grpc.ClientConn, method string, request []byte, calls int, answers chan<- []byte) {
	for range calls {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		var answer []byte
		err := connection.Invoke(ctx, method, &request, &answer, grpc.ForceCodec(rawCodec{}))
		cancel()
		if err != nil {
			log.Fatal(err)
		}
		answers <- answer
	}
}

func converse(connection *grpc.ClientConn, method string, request []byte, messages int, answers chan<- []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	kind := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	stream, err := connection.NewStream(ctx, kind, method, grpc.ForceCodec(rawCodec{}))
	if err != nil {
		log.Fatal(err)
	}
	for range messages {
		var answer []byte
		if err := stream.SendMsg(&request); err != nil {
			log.Fatal(err)
		}
		if err := stream.RecvMsg(&answer); err != nil {
			log.Fatal(err)
		}
		answers <- answer
	}
	if err := stream.CloseSend(); err != nil {
		log.Fatal(err)
	}
	var more []byte
	if err := stream.RecvMsg(&more); err != io.EOF {
		log.Fatal("a stream that was closed goes on: ", err)
	}
}
