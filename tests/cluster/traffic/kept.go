package main

import (
	"fmt"
	"sync"
	"time"
)

const (
	pace          = time.Second // between the messages of a connection
	atOnce        = 32          // connections that are being opened
	beforeRetry   = 100 * time.Millisecond
	endPatience   = 20 * time.Second // of the last messages
	placePatience = time.Minute
)

// keeper holds connections open: one for each stream, opened anew when it ends.
type keeper struct {
	client  *client
	rec     *recorder
	opening chan struct{}
	ending  chan struct{}
	running sync.WaitGroup

	mu      sync.Mutex
	streams []*stream
	quota   map[string]int // for streams to be placed: how many each Sealway pod may still get
}

// stream is one kept connection after the other.  Its messages are numbered throughout.
type stream struct {
	id    int
	host  string
	next  int           // number of the next message
	leave chan struct{} // asks it to go elsewhere

	// Under the keeper's lock.
	up       bool
	unplaced bool // only what the quota allows will do
	pod, via string
	heard    time.Time // when it had its last answer
}

func newKeeper(c *client, rec *recorder) *keeper {
	return &keeper{client: c, rec: rec, opening: make(chan struct{}, atOnce),
		ending: make(chan struct{})}
}

func (k *keeper) isEnding() bool {
	select {
	case <-k.ending:
		return true
	default:
		return false
	}
}

// hold has `count` streams spread evenly over the Sealway pods `vias`, and returns once they are, or
// after a while: a Service picks at random, so a connection to a pod that has its share is closed
// and another one tried.  All are opened anew, so that they are spread over the backends, too.
func (k *keeper) hold(count int, vias []string) {
	k.mu.Lock()
	k.quota = map[string]int{}
	for i, via := range vias {
		k.quota[via] = (count + i) / len(vias)
	}
	for _, s := range k.streams {
		if !s.unplaced {
			s.unplaced = true
			s.leave <- struct{}{} // taken out by place at the latest
		}
	}
	for id := len(k.streams); id < count; id++ {
		s := &stream{id: id, host: k.client.host(id), leave: make(chan struct{}, 1),
			unplaced: true}
		k.streams = append(k.streams, s)
		k.running.Add(1)
		go k.run(s)
	}
	k.mu.Unlock()
	for end := time.Now().Add(placePatience); !k.isPlaced() && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
}

func (k *keeper) isPlaced() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.streams {
		if s.unplaced {
			return false
		}
	}
	return true
}

// place says whether a stream may have the connection that it got.
func (k *keeper) place(s *stream, heard answer) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s.unplaced {
		if k.quota[heard.via] == 0 {
			return false
		}
		k.quota[heard.via]--
		s.unplaced = false
		select {
		case <-s.leave: // it has
		default:
		}
	}
	s.hear(heard)
	return true
}

// hear is under the keeper's lock.
func (s *stream) hear(heard answer) {
	s.up, s.pod, s.via, s.heard = true, heard.pod, heard.via, time.Now()
}

func (k *keeper) note(s *stream, heard answer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s.hear(heard)
}

func (k *keeper) noteEnd(s *stream) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s.up = false
}

// status is how many are open, and over what; and since when none of them has been silent.
type status struct {
	Event string         `json:"event"`
	Open  int            `json:"open"`
	Vias  map[string]int `json:"vias"`
	Pods  map[string]int `json:"pods"`
	Heard float64        `json:"heard"` // seconds since 1970
}

func (k *keeper) status(event string) status {
	k.mu.Lock()
	defer k.mu.Unlock()
	oldest := time.Now()
	found := status{event, 0, map[string]int{}, map[string]int{}, 0}
	for _, s := range k.streams {
		if !s.up {
			continue
		}
		found.Open++
		found.Vias[s.via]++
		found.Pods[s.pod]++
		if s.heard.Before(oldest) {
			oldest = s.heard
		}
	}
	found.Heard = seconds(oldest)
	return found
}

// end closes all, each behind the answer that it waits for.
func (k *keeper) end() {
	close(k.ending)
	done := make(chan struct{})
	go func() {
		k.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(endPatience):
	}
}

func (k *keeper) run(s *stream) {
	defer k.running.Done()
	for {
		opened := time.Now()
		session := k.connect(s)
		if session == nil {
			return
		}
		t := newTalk(k, s, session, opened)
		t.run()
		k.noteEnd(s)
	}
}

// connect tries until there is a connection that will do; nil: there is none to be had any more.
func (k *keeper) connect(s *stream) *session {
	for !k.isEnding() {
		session, heard := k.tryOnce(s)
		switch {
		case session == nil:
			time.Sleep(beforeRetry)
		case k.place(s, heard):
			return session
		default:
			session.finish()
		}
	}
	return nil
}

// tryOnce returns nil, and has noted why, if there is no connection now.
func (k *keeper) tryOnce(s *stream) (*session, answer) {
	k.opening <- struct{}{}
	defer func() { <-k.opening }()
	began := time.Now()
	session, bad := k.client.open(s.host)
	if bad != nil {
		k.refused(s, began, bad)
		return nil, answer{}
	}
	heard, bad := session.exchange(s.question())
	if bad != nil {
		session.Close()
		k.refused(s, began, bad)
		return nil, answer{}
	}
	_ = session.SetDeadline(time.Time{})
	return session, heard
}

func (s *stream) name() string { return fmt.Sprintf("kept-%d", s.id) }

func (s *stream) question() string {
	s.next++
	return question(s.name(), s.next-1)
}

func (k *keeper) refused(s *stream, began time.Time, bad *trouble) {
	k.rec.fail(&failure{Class: "reopen", At: seconds(bad.at), Began: seconds(began),
		Host: s.host, Stage: bad.stage, Kind: kindOf(bad.err), Text: bad.err.Error(), Port: bad.port,
		Stream: s.name(), Message: s.next - 1}, func(sum *summary) { sum.Refused++ })
}
