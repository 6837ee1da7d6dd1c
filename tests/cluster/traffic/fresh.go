package main

import (
	"context"
	"errors"
	"strconv"
	"time"
)

const maxInFlight = 4000

var errSaturated = errors.New("too many connections are unanswered")

// fresh opens new connections at a steady pace, whether or not those before were answered: each
// asks once, and closes.
type fresh struct {
	client *client
	rec    *recorder
	slots  chan struct{}
}

func newFresh(c *client, rec *recorder) *fresh {
	return &fresh{c, rec, make(chan struct{}, maxInFlight)}
}

func (f *fresh) run(ctx context.Context, rate int) {
	interval := time.Second / time.Duration(rate)
	due := time.Now()
	for number := 0; ctx.Err() == nil; number++ {
		time.Sleep(time.Until(due))
		f.start(number, due)
		due = due.Add(interval)
	}
}

func (f *fresh) start(number int, due time.Time) {
	p := f.rec.begin(due)
	select {
	case f.slots <- struct{}{}:
		go func() {
			f.once(p, number, due)
			<-f.slots
		}()
	default:
		f.rec.failed(p, f.describe(number, due, newTrouble("dial", 0, errSaturated)))
	}
}

func (f *fresh) once(p *phase, number int, due time.Time) {
	s, bad := f.client.open(f.client.host(number))
	if bad != nil {
		f.rec.failed(p, f.describe(number, due, bad))
		return
	}
	opened := time.Since(due)
	heard, bad := s.exchange(question("fresh", number))
	if bad != nil {
		s.Close()
		f.rec.failed(p, f.describe(number, due, bad))
		return
	}
	go s.finish()
	d := f.describe(number, due, newTrouble("answer", s.port, nil))
	d.Pod, d.Via, d.Text = heard.pod, heard.via, "open after "+opened.String()
	f.rec.answered(p, due, d)
}

func (f *fresh) describe(number int, due time.Time, how *trouble) *failure {
	d := &failure{Class: "fresh", At: seconds(how.at), Began: seconds(due),
		Host: f.client.host(number), Stage: how.stage, Kind: "slow", Port: how.port,
		Stream: "fresh-" + strconv.Itoa(number)}
	if how.err != nil {
		d.Kind, d.Text = kindOf(how.err), how.err.Error()
	}
	return d
}
