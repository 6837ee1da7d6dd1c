package main

const (
	recordHeader  = 5
	messageHeader = 4
	versionRandom = 2 + 32
	extensionSNI  = 0
)

// cut takes a vector with a length of n bytes in front, and what follows it.
func cut(b []byte, n int) (vector, rest []byte, ok bool) {
	if len(b) < n {
		return nil, nil, false
	}
	size := 0
	for _, c := range b[:n] {
		size = size<<8 | int(c)
	}
	b = b[n:]
	if len(b) < size {
		return nil, nil, false
	}
	return b[:size], b[size:], true
}

// serverName is the name in the ClientHello of a whole first record; "" if there is none.
func serverName(record []byte) string {
	if len(record) < recordHeader+messageHeader+versionRandom {
		return ""
	}
	b := record[recordHeader+messageHeader+versionRandom:]
	for _, n := range []int{1, 2, 1} { // session id, cipher suites, compression methods
		_, rest, ok := cut(b, n)
		if !ok {
			return ""
		}
		b = rest
	}
	extensions, _, ok := cut(b, 2)
	for ok && len(extensions) > 4 {
		kind := int(extensions[0])<<8 | int(extensions[1])
		var body []byte
		body, extensions, ok = cut(extensions[2:], 2)
		if ok && kind == extensionSNI {
			return firstName(body)
		}
	}
	return ""
}

func firstName(body []byte) string {
	list, _, ok := cut(body, 2)
	if !ok || len(list) < 1 {
		return ""
	}
	name, _, _ := cut(list[1:], 2)
	return string(name)
}
