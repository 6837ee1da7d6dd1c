package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// chat is the service apps.Chat: Say answers a text with the pod's name and the text; Talk does so
// for each text of a stream, numbered.
type chat struct{ pod string }

func serveGRPC(address, pod string, config *tls.Config) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)))
	server.RegisterService(&chatService, &chat{pod})
	return server.Serve(listener)
}

func (c *chat) say(text string) *wrapperspb.StringValue {
	return wrapperspb.String(c.pod + " " + text)
}

func (c *chat) talk(stream grpc.ServerStream) error {
	for number := 1; ; number++ {
		var text wrapperspb.StringValue
		err := stream.RecvMsg(&text)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.SendMsg(c.say(fmt.Sprint(number, " ", text.Value))); err != nil {
			return err
		}
	}
}

// As protoc would have written it; the messages are well known ones.
var chatService = grpc.ServiceDesc{
	ServiceName: "apps.Chat",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "Say",
		Handler: func(service any, _ context.Context, read func(any) error,
			_ grpc.UnaryServerInterceptor) (any, error) {
			var text wrapperspb.StringValue
			if err := read(&text); err != nil {
				return nil, err
			}
			return service.(*chat).say(text.Value), nil
		},
	}},
	Streams: []grpc.StreamDesc{{
		StreamName:    "Talk",
		ServerStreams: true,
		ClientStreams: true,
		Handler: func(service any, stream grpc.ServerStream) error {
			return service.(*chat).talk(stream)
		},
	}},
}
