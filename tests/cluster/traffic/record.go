package main

import (
	"encoding/json"
	"io"
	"sort"
	"sync"
	"time"
)

const slowAfter = 5 * time.Second

// failure is one connection that did not do what it was opened for; or, as event `slow`, a fresh one
// that did, but after more than slowAfter.
type failure struct {
	Event   string  `json:"event"`
	At      float64 `json:"at"`     // seconds since 1970, when that was seen
	Began   float64 `json:"began"`  // when it was due, or opened
	Talked  float64 `json:"talked"` // when it had its first answer, if it had
	Phase   string  `json:"phase"`
	Class   string  `json:"class"` // fresh, kept, or reopen: of a kept one
	Stage   string  `json:"stage"` // dial, handshake or answer
	Kind    string  `json:"kind"`
	Text    string  `json:"text"`
	Host    string  `json:"host"`
	Pod     string  `json:"pod"` // that answered last, and over which Sealway pod
	Via     string  `json:"via"`
	Port    int     `json:"port"` // of the client: finds it in Sealway's access log
	Stream  string  `json:"stream"`
	Message int     `json:"message"`
}

// summary is what a phase comes to, written once its last fresh connection has ended.
type summary struct {
	Event     string  `json:"event"`
	Phase     string  `json:"phase"`
	Seconds   float64 `json:"seconds"`
	Attempted int     `json:"attempted"`
	Failed    int     `json:"failed"`
	Cut       int     `json:"cut"`     // kept ones that ended without a bye
	Moved     int     `json:"moved"`   // kept ones whose server said bye
	Refused   int     `json:"refused"` // kept ones that could not be opened again at once
	Messages  int     `json:"messages"`
	P50       float64 `json:"p50_ms"` // from when a fresh one was due to its answer
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
	Late      float64 `json:"late_ms"` // how late the busiest moment of this machine began one
}

// phase is a named stretch of time.  A fresh connection belongs to the one in which it began.
type phase struct {
	summary
	began     time.Time
	pending   sync.WaitGroup
	latencies []float64
}

// recorder writes JSON lines and counts.
type recorder struct {
	mu  sync.Mutex
	out *json.Encoder
	now *phase
}

func newRecorder(out io.Writer) *recorder {
	r := &recorder{out: json.NewEncoder(out)}
	r.now = newPhase("start")
	return r
}

func newPhase(name string) *phase {
	return &phase{summary: summary{Event: "phase", Phase: name}, began: time.Now()}
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

func (r *recorder) write(line any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.out.Encode(line)
}

// begin counts a fresh connection that was due at `due`.
func (r *recorder) begin(due time.Time) *phase {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.now
	p.pending.Add(1)
	p.Attempted++
	if late := milliseconds(time.Since(due)); late > p.Late {
		p.Late = late
	}
	return p
}

// failed is of a fresh connection that ended without an answer.
func (r *recorder) failed(p *phase, f *failure) {
	defer p.pending.Done()
	r.mu.Lock()
	defer r.mu.Unlock()
	p.Failed++
	r.describe("failure", p, f)
}

// answered is of all others; f says which it was, if that took long.
func (r *recorder) answered(p *phase, due time.Time, f *failure) {
	defer p.pending.Done()
	r.mu.Lock()
	defer r.mu.Unlock()
	took := time.Since(due)
	p.latencies = append(p.latencies, milliseconds(took))
	if took > slowAfter {
		r.describe("slow", p, f)
	}
}

func (r *recorder) describe(event string, p *phase, f *failure) {
	f.Event, f.Phase = event, p.Phase
	_ = r.out.Encode(f)
}

// count lets a kept connection count in the present phase.
func (r *recorder) count(add func(*summary)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	add(&r.now.summary)
}

// fail is for kept connections: how it counts, and what happened.
func (r *recorder) fail(f *failure, add func(*summary)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	add(&r.now.summary)
	r.describe("failure", r.now, f)
}

// enter begins another phase; the result of the one before is written when it is known.
func (r *recorder) enter(name string) *phase {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.now
	r.now = newPhase(name)
	old.Seconds = time.Since(old.began).Seconds()
	return old
}

// conclude waits for the fresh connections of a phase that is over.
func (r *recorder) conclude(p *phase) {
	p.pending.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	sort.Float64s(p.latencies)
	p.P50, p.P99, p.Max = rank(p.latencies, 0.50), rank(p.latencies, 0.99), rank(p.latencies, 1)
	_ = r.out.Encode(p.summary)
}

// rank is the value that a share of the sorted ones does not exceed.
func rank(sorted []float64, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(share*float64(len(sorted)-1))]
}
