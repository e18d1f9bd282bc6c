package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Document is a state file.
type Document struct {
	Serial  uint64
	Lineage string
	Bytes   []byte `json:"-"`
}

// NewDocument makes one that differs from every other: mostly some hundred bytes to 20 KB, now and
// then 300 KB, which passes through more than one buffer on its way.
func NewDocument(random *rand.Rand, serial uint64, lineage string) Document {
	size := 200 + random.IntN(20_000)
	if random.IntN(50) == 0 {
		size = 300_000
	}
	filler := strings.Repeat(fmt.Sprintf("%016x", random.Uint64()), size/16)
	text := fmt.Sprintf(`{"version":4,"terraform_version":"1.12.6","serial":%d,"lineage":"%s",`+
		`"outputs":{"nonce":{"value":"%016x","type":"string"},"filler":{"value":"%s",`+
		`"type":"string"}},"resources":[],"check_results":null}`+"\n",
		serial, lineage, random.Uint64(), filler)
	return Document{serial, lineage, []byte(text)}
}

// ParseDocument reads what a client needs to make the next version.
func ParseDocument(data []byte) (Document, error) {
	d := Document{Bytes: data}
	err := json.Unmarshal(data, &d)
	return d, err
}

// NewID makes a lock ID as the clients do: a UUID in form, without its version bits.
func NewID(random *rand.Rand) string {
	a, b := random.Uint64(), random.Uint64()
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48,
		b&0xffffffffffff)
}
