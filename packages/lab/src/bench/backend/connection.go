package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
)

// Frame types and flags of RFC 9113, section 6.
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameReset        = 0x3
	frameSettings     = 0x4
	framePing         = 0x6
	frameGoAway       = 0x7
	frameWindowUpdate = 0x8

	flagEnd        = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8

	settingStreamsMax    = 0x3
	settingInitialWindow = 0x4
)

const (
	prefaceBytes       = 24
	frameHeadBytes     = 9
	frameBytesMax      = 16_384
	messagePrefixBytes = 5
	windowDefault      = 65_535
	// What a peer may send ahead, on a stream and on the connection.
	streamWindow     = 4 << 20
	connectionWindow = 1 << 30
	streamsMax       = 1 << 20
	bufferBytes      = 64 << 10
)

// Answers as header blocks that need no table: `:status: 200` by its static index, other fields as literals without indexing.
var (
	answerBlock  = append([]byte{0x88}, literal("content-type", "application/grpc")...)
	trailerBlock = literal("grpc-status", "0")
)

func literal(name, value string) []byte {
	block := []byte{0x00, byte(len(name))}
	block = append(block, name...)
	block = append(block, byte(len(value)))
	return append(block, value...)
}

// stream is one call: bytes of a message that is not whole yet, and whole messages that wait for the peer's window.
type stream struct {
	window   int64
	message  []byte
	missing  int
	waiting  []byte
	answered bool
	ended    bool
	credit   uint32
}

// connection answers calls on one socket; one goroutine reads and writes, so nothing is locked.
type connection struct {
	socket        net.Conn
	reader        *bufio.Reader
	writer        *bufio.Writer
	streams       map[uint32]*stream
	blocked       map[uint32]*stream
	window        int64
	initialWindow int64
	credit        uint32
	payload       []byte
}

func newConnection(socket net.Conn) *connection {
	return &connection{
		socket:        socket,
		reader:        bufio.NewReaderSize(socket, bufferBytes),
		writer:        bufio.NewWriterSize(socket, bufferBytes),
		streams:       map[uint32]*stream{},
		blocked:       map[uint32]*stream{},
		window:        windowDefault,
		initialWindow: windowDefault,
		payload:       make([]byte, frameBytesMax),
	}
}

func (c *connection) run() {
	defer c.socket.Close()
	if _, err := io.CopyN(io.Discard, c.reader, prefaceBytes); err != nil {
		return
	}
	settings := make([]byte, 0, 12)
	settings = binary.BigEndian.AppendUint16(settings, settingStreamsMax)
	settings = binary.BigEndian.AppendUint32(settings, streamsMax)
	settings = binary.BigEndian.AppendUint16(settings, settingInitialWindow)
	settings = binary.BigEndian.AppendUint32(settings, streamWindow)
	c.write(frameSettings, 0, 0, settings)
	c.updateWindow(0, connectionWindow-windowDefault)
	for c.readFrame() == nil {
		// Answers leave together, as soon as nothing more is to be read at once.
		if c.reader.Buffered() < frameHeadBytes && c.writer.Flush() != nil {
			return
		}
	}
}

var errGone = errors.New("the peer is gone")

func (c *connection) readFrame() error {
	var head [frameHeadBytes]byte
	if _, err := io.ReadFull(c.reader, head[:]); err != nil {
		return err
	}
	length := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	kind, flags, id := head[3], head[4], binary.BigEndian.Uint32(head[5:])&0x7fff_ffff
	if length > frameBytesMax {
		return errGone
	}
	payload := c.payload[:length]
	if _, err := io.ReadFull(c.reader, payload); err != nil {
		return err
	}
	switch kind {
	case frameHeaders:
		// Trailers of a request come in a second block.
		if c.streams[id] == nil {
			c.streams[id] = &stream{window: c.initialWindow}
		}
		if flags&flagEnd != 0 {
			c.end(id)
		}
	case frameData:
		c.readData(id, flags, payload)
	case frameReset:
		delete(c.streams, id)
		delete(c.blocked, id)
	case frameSettings:
		c.readSettings(flags, payload)
	case framePing:
		if flags&flagAck == 0 {
			c.write(framePing, flagAck, 0, payload)
		}
	case frameWindowUpdate:
		c.readWindowUpdate(id, payload)
	case frameGoAway:
		return errGone
	}
	return nil
}

func (c *connection) readData(id uint32, flags byte, payload []byte) {
	length := uint32(len(payload))
	c.credit += length
	if c.credit > connectionWindow/4 {
		c.updateWindow(0, c.credit)
		c.credit = 0
	}
	s := c.streams[id]
	if s == nil {
		return
	}
	if flags&flagPadded != 0 {
		payload = payload[1 : len(payload)-int(payload[0])]
	}
	if flags&flagEnd == 0 {
		s.credit += length
		if s.credit > streamWindow/4 {
			c.updateWindow(id, s.credit)
			s.credit = 0
		}
	}
	s.take(payload)
	if flags&flagEnd != 0 {
		c.end(id)
		return
	}
	if len(s.waiting) > 0 {
		c.answer(id, s)
	}
}

// take gathers bytes until messages are whole; whole ones wait to be sent.
func (s *stream) take(bytes []byte) {
	for len(bytes) > 0 {
		if len(s.message) < messagePrefixBytes {
			n := min(messagePrefixBytes-len(s.message), len(bytes))
			s.message = append(s.message, bytes[:n]...)
			bytes = bytes[n:]
			if len(s.message) < messagePrefixBytes {
				return
			}
			s.missing = int(binary.BigEndian.Uint32(s.message[1:]))
		}
		n := min(s.missing, len(bytes))
		s.message = append(s.message, bytes[:n]...)
		s.missing -= n
		bytes = bytes[n:]
		if s.missing == 0 {
			s.waiting = append(s.waiting, s.message...)
			s.message = s.message[:0]
		}
	}
}

func (c *connection) end(id uint32) {
	if s := c.streams[id]; s != nil {
		s.ended = true
		c.answer(id, s)
	}
}

// answer sends as much as the windows let through, and the trailers after the last byte.
func (c *connection) answer(id uint32, s *stream) {
	if !s.answered {
		s.answered = true
		c.write(frameHeaders, flagEndHeaders, id, answerBlock)
	}
	sent := 0
	for sent < len(s.waiting) && s.window > 0 && c.window > 0 {
		n := min(int64(frameBytesMax), int64(len(s.waiting)-sent), s.window, c.window)
		c.write(frameData, 0, id, s.waiting[sent:sent+int(n)])
		s.window -= n
		c.window -= n
		sent += int(n)
	}
	s.waiting = s.waiting[sent:]
	if len(s.waiting) > 0 {
		c.blocked[id] = s
		return
	}
	s.waiting = nil
	delete(c.blocked, id)
	if s.ended {
		c.write(frameHeaders, flagEndHeaders|flagEnd, id, trailerBlock)
		delete(c.streams, id)
	}
}

func (c *connection) readSettings(flags byte, payload []byte) {
	if flags&flagAck != 0 {
		return
	}
	for ; len(payload) >= 6; payload = payload[6:] {
		if binary.BigEndian.Uint16(payload) != settingInitialWindow {
			continue
		}
		value := int64(binary.BigEndian.Uint32(payload[2:]))
		for _, s := range c.streams {
			s.window += value - c.initialWindow
		}
		c.initialWindow = value
	}
	c.write(frameSettings, flagAck, 0, nil)
	c.unblock()
}

func (c *connection) readWindowUpdate(id uint32, payload []byte) {
	increment := int64(binary.BigEndian.Uint32(payload) & 0x7fff_ffff)
	if id == 0 {
		c.window += increment
		c.unblock()
		return
	}
	if s := c.streams[id]; s != nil {
		s.window += increment
		if c.blocked[id] != nil {
			c.answer(id, s)
		}
	}
}

func (c *connection) unblock() {
	for id, s := range c.blocked {
		if c.window <= 0 {
			return
		}
		c.answer(id, s)
	}
}

func (c *connection) updateWindow(id, increment uint32) {
	c.write(frameWindowUpdate, 0, id, binary.BigEndian.AppendUint32(nil, increment))
}

func (c *connection) write(kind, flags byte, id uint32, payload []byte) {
	length := len(payload)
	head := [frameHeadBytes]byte{byte(length >> 16), byte(length >> 8), byte(length), kind, flags}
	binary.BigEndian.PutUint32(head[5:], id)
	_, _ = c.writer.Write(head[:])
	_, _ = c.writer.Write(payload)
}
