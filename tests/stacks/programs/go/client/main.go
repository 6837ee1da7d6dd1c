// The Go client of the stacks: does one job per line, "FEATURE key=value ...", and answers each
// with one line, "ok ...", "refused ..." or "error ...".  Jobs stand on the command line or on
// stdin.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"
)

const (
	jobLimit = 15 * time.Second
	bulkSize = 10 << 20
)

// job is one line: what to do, and the words behind it.
type job struct {
	feature string
	words   map[string]string
}

func parseJob(line string) job {
	fields := strings.Fields(line)
	j := job{words: map[string]string{}}
	if len(fields) == 0 {
		return j
	}
	j.feature = fields[0]
	for _, word := range fields[1:] {
		key, value, _ := strings.Cut(word, "=")
		j.words[key] = value
	}
	return j
}

// features maps a name to what does it; the text is what follows "ok".
var features = map[string]func(job) (string, error){
	"hello":      doHello,
	"ping":       doPing,
	"resume":     doResume,
	"bulk":       doBulk,
	"fin-client": doClientFirst,
	"fin-server": doServerFirst,
	"h2":         doHTTP2,
	"ws":         doWebSocket,
}

func run(line string) string {
	j := parseJob(line)
	do, known := features[j.feature]
	if !known {
		return "error no such feature: " + j.feature
	}
	said, err := do(j)
	if err != nil {
		return oneLine(classify(err) + " " + err.Error())
	}
	return oneLine("ok " + said)
}

func oneLine(text string) string {
	return strings.TrimSpace(strings.NewReplacer("\n", " ", "\r", " ").Replace(text))
}

// classify tells what the other side refused from what went wrong here.
func classify(err error) string {
	text := err.Error()
	for _, mark := range []string{"remote error: tls", "connection reset", "broken pipe", "EOF"} {
		if strings.Contains(text, mark) {
			return "refused"
		}
	}
	return "error"
}

func main() {
	if len(os.Args) > 1 {
		fmt.Println(run(strings.Join(os.Args[1:], " ")))
		return
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(run(lines.Text()))
	}
}
