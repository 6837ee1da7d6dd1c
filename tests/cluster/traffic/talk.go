package main

import (
	"errors"
	"time"
)

// talk is the life of one kept connection behind its first answer.
type talk struct {
	keeper  *keeper
	stream  *stream
	session *session
	opened  time.Time
	talked  time.Time
	heard   chan heardLine
	over    chan struct{} // tells the reader

	asked   string // what is not answered yet
	askedAt time.Time
	leaving bool
	bye     bool
}

type heardLine struct {
	text string
	err  error
	at   time.Time // while the connection had its port
}

var errNoAnswer = errors.New("timeout: no answer")

func newTalk(k *keeper, s *stream, session *session, opened time.Time) *talk {
	return &talk{keeper: k, stream: s, session: session, opened: opened, talked: time.Now(),
		heard: make(chan heardLine), over: make(chan struct{})}
}

// run ends with the connection: cut, moved, or as it was told.
func (t *talk) run() {
	defer close(t.over)
	go t.read()
	beat := time.NewTimer(t.untilTurn())
	defer beat.Stop()
	leave, ending := t.stream.leave, t.keeper.ending
	for {
		var err error
		var at time.Time
		select {
		case <-beat.C:
			beat.Reset(pace)
			at, err = time.Now(), t.speak()
		case line := <-t.heard:
			at, err = line.at, t.take(line)
		case <-leave:
			t.leaving = true
		case <-ending:
			t.leaving, ending = true, nil
		}
		if t.leaving && t.asked == "" {
			t.count()
			t.session.shut()
			return
		}
		if err != nil {
			_ = t.session.SetDeadline(time.Now())
			t.cut(err, at)
			return
		}
	}
}

// read hands on lines, until the connection ends, and closes it.
func (t *talk) read() {
	defer t.session.Close()
	for {
		text, err := readLine(t.session.reader)
		select {
		case t.heard <- heardLine{text, err, time.Now()}:
		case <-t.over: // nobody listens any more
		}
		if err != nil {
			return
		}
	}
}

// untilTurn spreads streams over the second, also when many are opened at once.
func (t *talk) untilTurn() time.Duration {
	turn := time.Duration(t.stream.id) * 617 * time.Millisecond % pace
	now := time.Duration(time.Now().UnixNano()) % pace
	return (turn - now + pace) % pace
}

// speak sends the next message, unless the one before is not answered.
func (t *talk) speak() error {
	if t.asked != "" {
		if time.Since(t.askedAt) > t.keeper.client.timeout {
			return errNoAnswer
		}
		return nil
	}
	t.asked, t.askedAt = t.stream.question(), time.Now()
	_ = t.session.SetWriteDeadline(t.askedAt.Add(t.keeper.client.timeout))
	return t.session.ask(t.asked)
}

func (t *talk) take(line heardLine) error {
	if line.err != nil {
		return line.err
	}
	heard, err := parseAnswer(line.text, t.asked)
	if err != nil {
		return err
	}
	if heard.bye {
		t.leaving, t.bye = true, true
		return nil
	}
	t.asked = ""
	t.keeper.note(t.stream, heard)
	t.keeper.rec.count(func(s *summary) { s.Messages++ })
	return nil
}

func (t *talk) count() {
	if t.bye {
		t.keeper.rec.count(func(s *summary) { s.Moved++ })
	}
}

func (t *talk) cut(err error, at time.Time) {
	s := t.stream
	stage := "idle"
	if t.asked != "" {
		stage = "answer"
	}
	t.keeper.mu.Lock()
	pod, via := s.pod, s.via
	t.keeper.mu.Unlock()
	t.keeper.rec.fail(&failure{Class: "kept", At: seconds(at), Began: seconds(t.opened),
		Talked: seconds(t.talked), Host: s.host, Stage: stage, Kind: kindOf(err),
		Text: err.Error(), Pod: pod, Via: via, Port: t.session.port, Stream: s.name(), Message: s.next - 1}, func(sum *summary) { sum.Cut++ })
}
