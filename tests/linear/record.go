package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Kind is what a client asked for.
type Kind string

const (
	Lock   Kind = "LOCK"
	Plan   Kind = "PLAN" // LOCK of a plan
	Unlock Kind = "UNLOCK"
	Force  Kind = "FORCE" // UNLOCK with an empty body
	Get    Kind = "GET"
	Post   Kind = "POST"
	Shut   Kind = "SHUT"   // `maintenance set` of the state
	Reopen Kind = "REOPEN" // `maintenance end` of it
)

// What Record.Holder says of a 423 that a maintenance gave: no lock ID is like it.
const shutSentence = "MAINTENANCE"

// Record is one operation of one client and the answer it saw: one line of a history file.
type Record struct {
	Client  int    `json:"client"`
	State   string `json:"state"`
	Kind    Kind   `json:"op"`
	ID      string `json:"id,omitempty"`      // lock ID sent
	Serial  uint64 `json:"serial,omitempty"`  // of the document sent
	Lineage string `json:"lineage,omitempty"` // of the document sent
	SHA     string `json:"sha,omitempty"`     // SHA-256 of the document sent, or that GET returned
	Call    int64  `json:"call"`              // ns since the start of the run
	Return  int64  `json:"return"`
	Status  int    `json:"status"`           // 0: no answer
	Holder  string `json:"holder,omitempty"` // ID in the LockInfo of a 423, or shutSentence
	Note    string `json:"note,omitempty"`   // the client's error, for a reader
}

// Unknown is true when the operation may have happened, or may still happen. Every other answer is
// held against the contract.
func (r *Record) Unknown() bool {
	switch r.Status {
	case 0, 429, 502, 503, 504:
		return true
	}
	return false
}

func isLock(kind Kind) bool { return kind == Lock || kind == Plan }

func (r *Record) String() string {
	s := string(r.Kind)
	if r.ID != "" {
		s += " " + short(r.ID)
	}
	if r.Kind == Post {
		s += fmt.Sprintf(" serial %d", r.Serial)
	}
	if r.SHA != "" {
		s += " #" + short(r.SHA)
	}
	s += fmt.Sprintf(" -> %d", r.Status)
	if r.Holder != "" {
		s += " held by " + short(r.Holder)
	}
	return s
}

func short(s string) string {
	if len(s) > 8 {
		return s[:8]
	}
	return s
}

// History collects records of many clients.
type History struct {
	mu      sync.Mutex
	records []Record
}

func (h *History) Add(r Record) {
	h.mu.Lock()
	h.records = append(h.records, r)
	h.mu.Unlock()
}

func (h *History) Records() []Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.records
}

func WriteHistory(w io.Writer, records []Record) error {
	buffered := bufio.NewWriter(w)
	encoder := json.NewEncoder(buffered)
	for i := range records {
		if err := encoder.Encode(&records[i]); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

func ReadHistory(r io.Reader) ([]Record, error) {
	var records []Record
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	for {
		var record Record
		err := decoder.Decode(&record)
		if err == io.EOF {
			return records, nil
		}
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", len(records)+1, err)
		}
		records = append(records, record)
	}
}
