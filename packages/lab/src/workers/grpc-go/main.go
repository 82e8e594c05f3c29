// Long-lived connections of grpc-go with a constant load on each: as services in Go call a mesh.
//
// Prints one JSON object when it ends: the calls that were answered, and the errors by their text.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// raw passes messages on as they are.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (raw) Name() string { return "raw" }

type result struct {
	mutex  sync.Mutex
	Calls  int            `json:"calls"`
	Errors map[string]int `json:"errors"`
}

func (r *result) add(err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err == nil {
		r.Calls++
	} else {
		r.Errors[err.Error()]++
	}
}

func main() {
	target := flag.String("target", "", "host:port")
	model := flag.String("model", "", "the model that is called")
	connections := flag.Int("connections", 4, "connections")
	streams := flag.Int("streams", 8, "calls at a time on each")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	total := result{Errors: map[string]int{}}
	var group sync.WaitGroup
	for range *connections {
		connection, err := grpc.NewClient(*target, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		for range *streams {
			group.Add(1)
			go func() {
				defer group.Done()
				for ctx.Err() == nil {
					call(connection, *model, &total)
				}
			}()
		}
	}
	group.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(&total); err != nil {
		os.Exit(1)
	}
}

// call makes one call that is over before the program ends, so that no error is of the end.
func call(connection *grpc.ClientConn, model string, total *result) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "mm-model-id", model)
	request, answer := []byte("hello"), []byte(nil)
	err := connection.Invoke(ctx, "/any.Service/Call", &request, &answer, grpc.ForceCodec(raw{}))
	if err == nil && string(answer) != "hello" {
		err = fmt.Errorf("the answer is %q", answer)
	}
	total.add(err)
}
