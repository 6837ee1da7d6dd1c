package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
)

// The protocol is lines.  A client sends `STREAM NUMBER`; the answer is the same with the pod that
// answers and the address it was reached from, which is that of the Sealway pod between.  A server
// that is going to end says so with `bye POD`, at any time: the client then takes the answer that it
// still waits for, closes, and connects anew.  Until it has closed it is served.

const maxLine = 256

var errWrongAnswer = errors.New("wrong answer")

// answer is what a server said.
type answer struct {
	pod, via string
	bye      bool
}

func question(stream string, number int) string {
	return fmt.Sprintf("%s %d", stream, number)
}

// readLine is for lines of the protocol: a longer one is an error.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(string(line), "\n"), nil
}

// parseAnswer holds a line against what was asked; nothing may have been asked.
func parseAnswer(line, asked string) (answer, error) {
	words := strings.Fields(line)
	if len(words) == 2 && words[0] == "bye" {
		return answer{pod: words[1], bye: true}, nil
	}
	if len(words) != 4 || asked == "" || words[0]+" "+words[1] != asked {
		return answer{}, fmt.Errorf("%w: asked %q, heard %q", errWrongAnswer, asked, line)
	}
	return answer{pod: words[2], via: words[3]}, nil
}
