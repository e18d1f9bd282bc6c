package main

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// double is a server in memory that keeps the contract, except for one bug, and has bad luck as a
// real one has whose workers are killed and paused.
type double struct {
	bug    string        // "" or a name that bugs of prove_test.go lists
	badly  bool          // drop connections, answer 503, be late
	late   time.Duration // how late, at most
	apart  bool          // lock and storage are two services: a write looks, and lands later
	mu     sync.Mutex
	random *rand.Rand
	states map[string]*doubleState
}

type doubleState struct {
	holder, info string
	plans        map[string]string // LockInfo by ID
	released     map[string]bool
	forced       time.Time
	versions     []Document
	writers      []string // of versions: the lock ID
	base         int      // versions when the lock was taken
	shut         bool
	number       int  // of the next record
	takeNumber   bool // before the next lock is granted
}

func newDouble(bug string, seed uint64) *double {
	return &double{bug: bug, random: rand.New(rand.NewPCG(seed, 0)), states: map[string]*doubleState{}}
}

// has is true for some of the requests that could show the bug, so that it is a rare one.
func (d *double) has(bug string) bool { return d.bug == bug && d.random.IntN(3) == 0 }

func (d *double) chance(per int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.random.IntN(per) == 0
}

func (d *double) pause(longest time.Duration) {
	d.mu.Lock()
	pause := time.Duration(d.random.Int64N(int64(longest)))
	d.mu.Unlock()
	time.Sleep(pause)
}

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	d.pause(2 * time.Millisecond)
	if d.badly && d.chance(40) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if d.badly && d.chance(100) {
		panic(http.ErrAbortHandler)
	}
	if d.badly && d.chance(200) {
		d.pause(d.late) // the client may have gone by then; the effect comes all the same
	}
	d.mu.Lock()
	status, answer := d.handle(r, body)
	d.mu.Unlock()
	if status == looked {
		d.pause(5 * time.Millisecond)
		if d.badly && d.chance(10) {
			d.pause(d.late)
		}
		status = d.land(r, body)
	}
	d.pause(2 * time.Millisecond)
	if d.badly && d.chance(100) {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
	w.Write(answer)
}

func (d *double) handle(r *http.Request, body []byte) (int, []byte) {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		return d.gate(strings.HasSuffix(r.URL.Path, "/end"), body), nil
	}
	s := d.state(r.URL.Path)
	var info struct{ ID, Operation string }
	if len(body) > 0 && json.Unmarshal(body, &info) != nil {
		return http.StatusBadRequest, nil
	}
	switch r.Method {
	case "GET":
		return d.get(s)
	case "LOCK":
		if info.Operation == plans {
			return d.plan(s, info.ID, string(body))
		}
		return d.lock(s, info.ID, string(body))
	case "UNLOCK":
		if info.ID == "" {
			return d.force(s)
		}
		return d.unlock(s, info.ID), nil
	case "POST":
		doc, err := ParseDocument(body)
		if err != nil {
			return http.StatusBadRequest, nil
		}
		status := d.post(s, r.URL.Query().Get("ID"), doc)
		if status == http.StatusOK && d.apart {
			r.Header.Set("Looked", strconv.Itoa(s.number))
			return looked, nil
		}
		if status == http.StatusOK {
			d.store(s, r.URL.Query().Get("ID"), doc)
		}
		return status, nil
	}
	return http.StatusMethodNotAllowed, nil
}

// The status of a write that may go on, where it lands in a second step.
const looked = -1

func (d *double) land(r *http.Request, body []byte) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.state(r.URL.Path)
	if r.Header.Get("Looked") != strconv.Itoa(s.number) {
		return http.StatusConflict
	}
	doc, _ := ParseDocument(body)
	d.store(s, r.URL.Query().Get("ID"), doc)
	return http.StatusOK
}

func (d *double) store(s *doubleState, id string, doc Document) {
	n := len(s.versions)
	if n > 0 && string(s.versions[n-1].Bytes) == string(doc.Bytes) || d.has("write lost") {
		return
	}
	s.versions, s.writers = append(s.versions, doc), append(s.writers, id)
	s.number++
}

func (d *double) state(url string) *doubleState {
	name := path.Base(url)
	s := d.states[name]
	if s == nil {
		s = &doubleState{released: map[string]bool{}, plans: map[string]string{}}
		d.states[name] = s
	}
	return s
}

func (d *double) gate(end bool, body []byte) int {
	var call struct{ Glob string }
	if json.Unmarshal(body, &call) != nil {
		return http.StatusBadRequest
	}
	s := d.state(call.Glob)
	if end && !s.shut {
		return http.StatusNotFound
	}
	if s.shut == end && !d.has("maintenance without effect") {
		s.shut = !end
	}
	return http.StatusOK
}

func shutInfo() (int, []byte) {
	return http.StatusLocked, []byte(`{"ID":"MAINTENANCE until noon by ann: why","Operation":""}`)
}

// take is what happens when a lock is granted.
func (d *double) take(s *doubleState) {
	if s.takeNumber {
		s.number++
	}
	s.takeNumber, s.base = false, len(s.versions)
}

func (d *double) get(s *doubleState) (int, []byte) {
	n := len(s.versions)
	switch {
	case n > 0 && d.has("false absence"):
		return http.StatusNotFound, nil
	case n > 1 && d.has("old version read"):
		return http.StatusOK, s.versions[n-2].Bytes
	case n > 0:
		return http.StatusOK, s.versions[n-1].Bytes
	}
	return http.StatusNotFound, nil
}

func (d *double) plan(s *doubleState, id, info string) (int, []byte) {
	switch {
	case s.released[id]:
		return http.StatusGone, nil
	case s.plans[id] != "":
		return http.StatusOK, nil
	case s.shut && !d.has("lock in a maintenance"):
		return shutInfo()
	case s.holder != "" && !d.has("plan beside a writer"):
		return http.StatusLocked, []byte(s.info)
	}
	d.take(s)
	s.plans[id] = info
	return http.StatusOK, nil
}

// planInfo is what a 423 shows where plans hold the state.
func (s *doubleState) planInfo() []byte {
	for _, info := range s.plans {
		if len(s.plans) == 1 {
			return []byte(info)
		}
	}
	return []byte(`{"ID":"plans hold it","Operation":"OperationTypePlan"}`)
}

func (d *double) lock(s *doubleState, id, info string) (int, []byte) {
	switch {
	case s.released[id] && !d.has("lock resurrected"):
		return http.StatusGone, nil
	case s.holder == id && !d.has("repeated lock refused"):
		return http.StatusOK, nil
	case s.shut && !d.has("lock in a maintenance"):
		return shutInfo()
	case s.holder != "" && d.has("two holders"):
		return http.StatusOK, nil
	case s.holder != "":
		return http.StatusLocked, []byte(s.info)
	case len(s.plans) > 0 && !d.has("writer beside plans"):
		return http.StatusLocked, s.planInfo()
	}
	if d.has("lock lost") {
		return http.StatusOK, nil
	}
	d.take(s)
	s.holder, s.info = id, info
	return http.StatusOK, nil
}

func (d *double) free(s *doubleState) {
	if !d.has("released not remembered") {
		s.released[s.holder] = true
	}
	s.holder, s.info = "", ""
}

func (d *double) unlock(s *doubleState, id string) int {
	if _, held := s.plans[id]; held {
		if !d.has("plan not released") {
			delete(s.plans, id)
			s.released[id] = true
		}
		return http.StatusOK
	}
	switch {
	case len(s.plans) > 0 && !s.released[id]:
		return http.StatusConflict
	case s.holder == id && d.has("unlock without effect"):
	case s.holder == id:
		d.free(s)
	case s.holder != "" && !s.released[id] && !d.has("unlock by anybody"):
		return http.StatusConflict
	case s.holder != "" && (d.bug == "unlock by anybody" || d.has("repeated unlock frees")):
		d.free(s)
	}
	return http.StatusOK
}

func (d *double) force(s *doubleState) (int, []byte) {
	repeat := time.Since(s.forced) < forceRepeat && !d.has("repeated force frees")
	switch {
	case s.holder == "" && len(s.plans) == 0 && s.shut:
		return http.StatusForbidden, nil
	case s.holder == "" && len(s.plans) == 0 || d.bug == "force without effect":
	case repeat && d.has("repeated force hidden"):
	case repeat && len(s.plans) > 0:
		return http.StatusConflict, s.planInfo()
	case repeat:
		return http.StatusConflict, []byte(s.info)
	case len(s.plans) > 0:
		for id := range s.plans {
			s.released[id] = true
		}
		s.plans = map[string]string{}
		s.forced = time.Now()
	default:
		d.free(s)
		s.forced, s.takeNumber = time.Now(), true
	}
	return http.StatusOK, nil
}

func (d *double) post(s *doubleState, id string, doc Document) int {
	n := len(s.versions)
	if len(s.plans) > 0 && !d.has("write beside plans") {
		return http.StatusConflict
	}
	if id == "" && s.shut {
		return http.StatusConflict
	}
	for _, writer := range s.writers[min(s.base, len(s.writers)):] {
		if id != "" && id == s.holder && writer != id {
			return http.StatusConflict
		}
	}
	if id != s.holder && !(id == "" && d.has("write past the lock")) &&
		!(s.released[id] && d.has("late write accepted")) {
		return http.StatusConflict
	}
	if n > 0 && string(s.versions[n-1].Bytes) != string(doc.Bytes) {
		head := s.versions[n-1]
		if doc.Lineage != head.Lineage && d.bug != "lineage ignored" ||
			doc.Lineage == head.Lineage && doc.Serial <= head.Serial && !d.has("serial ignored") {
			return http.StatusConflict
		}
	}
	return http.StatusOK
}
