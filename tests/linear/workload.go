package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// A server remembers the newest 128 released IDs of a state. A client uses an ID only while fewer
// LOCK and UNLOCK than this have succeeded since it was new: so it is remembered if it was released,
// whatever is under way.
const idLives = 64

// Operations are let go in bursts, so that clients meet, with pauses, so that the run lasts long
// enough for a forced release to be more than a repeat of the last one.
const burst = 50

// Workload is what all clients share.
type Workload struct {
	Client   *Client
	History  *History
	States   []string
	Clients  int
	Total    int
	Duration time.Duration
	Seed     uint64
	Plans    bool // the server shares plan locks, and keeps no plan out for a writer that waits
	// The clients may set a maintenance.
	Maintenance bool

	started time.Time
	next    atomic.Int64
	events  []atomic.Int64 // per state: see idLives
}

// Run returns when all operations have got an answer or were given up.
func (w *Workload) Run() {
	w.started = time.Now()
	w.events = make([]atomic.Int64, len(w.States))
	working, done := context.WithCancel(context.Background())
	defer done()
	var all sync.WaitGroup
	for i := range w.Clients {
		all.Add(1)
		go func() {
			defer all.Done()
			w.client(i)
		}()
	}
	ended := make(chan struct{})
	if w.Maintenance {
		go func() {
			defer close(ended)
			w.maintain(w.Clients+1, working)
		}()
	} else {
		close(ended)
	}
	all.Wait()
	done()
	<-ended
}

// The longest time of a maintenance, and between two.
const (
	longestShut = 60 * time.Millisecond
	longestOpen = 120 * time.Millisecond
)

// maintain shuts a state, and opens it again, one after the other; none is shut when it returns, if
// the server answers.
func (w *Workload) maintain(number int, working context.Context) {
	random := rand.New(rand.NewPCG(w.Seed, uint64(number)))
	for working.Err() == nil {
		name := w.States[random.IntN(len(w.States))]
		w.insist(number, working, Request{State: name, Kind: Shut})
		time.Sleep(time.Duration(random.Int64N(int64(longestShut))))
		patience, stop := context.WithTimeout(context.Background(), maintainPatience)
		w.insist(number, patience, Request{State: name, Kind: Reopen})
		stop()
		time.Sleep(time.Duration(random.Int64N(int64(longestOpen))))
	}
}

// Far more than a server takes to come back after a nemesis.
const maintainPatience = 30 * time.Second

// insist sends it until there is an answer.
func (w *Workload) insist(number int, working context.Context, request Request) {
	for {
		record, _ := w.Client.Do(number, request)
		w.History.Add(record)
		if !record.Unknown() || working.Err() != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (w *Workload) client(number int) {
	random := rand.New(rand.NewPCG(w.Seed, uint64(number)))
	views := make([]view, len(w.States))
	for i := range views {
		views[i].plans = w.Plans
	}
	at := random.IntN(len(w.States))
	for {
		k := int(w.next.Add(1)) - 1
		if k >= w.Total {
			return
		}
		due := time.Duration(float64(w.Duration) * float64(k/burst*burst) / float64(w.Total))
		time.Sleep(time.Until(w.started.Add(due)))
		if random.IntN(6) == 0 {
			at = random.IntN(len(w.States))
		}
		v := &views[at]
		v.forget(w.events[at].Load())
		request := v.choose(random, w.events[at].Load())
		request.State = w.States[at]
		record, body := w.Client.Do(number, request)
		w.History.Add(record)
		v.learn(random, request, &record, body, w.count(at, &record))
	}
}

// count returns the events of the state, after this one.
func (w *Workload) count(at int, r *Record) int64 {
	if (isLock(r.Kind) || r.Kind == Unlock) && (r.Status == 200 || r.Unknown()) {
		return w.events[at].Add(1)
	}
	return w.events[at].Load()
}

// Settle asks for each state what the run has left there, until it gets an answer or patience
// ends: a write or a lock that got lost last is seen only so.
func (w *Workload) Settle(patience time.Duration) bool {
	random := rand.New(rand.NewPCG(w.Seed, uint64(w.Clients)))
	give := time.Now().Add(patience)
	for _, name := range w.States {
		for _, kind := range []Kind{Get, Lock} {
			request := Request{State: name, Kind: kind}
			if kind == Lock {
				request.ID = NewID(random)
			}
			for {
				record, _ := w.Client.Do(w.Clients, request)
				w.History.Add(record)
				if !record.Unknown() {
					break
				}
				if time.Now().After(give) {
					return false
				}
				time.Sleep(100 * time.Millisecond)
			}
		}
	}
	return true
}

// view is what one client believes of one state. The counts are of events, when that became known.
type view struct {
	plans      bool   // it takes plan locks, too
	plan       bool   // mine is a plan's
	mine       string // lock ID that it holds, or wants
	sure       bool   // its LOCK was answered 200
	mineAt     int64
	released   string // the last lock ID of its own that was released
	releasedAt int64
	others     string // holder that the last 423 named
	othersAt   int64
	head       Document // what it last read or wrote
	stale      bool     // a write was refused since
	again      *Request // of unknown outcome: likely to be sent again
}

// forget drops lock IDs that a server may have dropped, too.
func (v *view) forget(events int64) {
	if events-v.mineAt >= idLives {
		v.mine, v.sure, v.again = "", false, nil
	}
	if events-v.releasedAt >= idLives {
		v.released = ""
	}
	if events-v.othersAt >= idLives {
		v.others = ""
	}
}

// choose makes the next request: mostly what a client does (lock, read, write, unlock), and now and
// then each of the other things that the contract has an answer for.
func (v *view) choose(random *rand.Rand, events int64) Request {
	if v.again != nil && random.IntN(3) > 0 {
		return *v.again
	}
	chance := random.IntN(1000)
	switch {
	case chance < 40:
		return Request{Kind: Force, Chunked: random.IntN(2) == 0}
	case chance < 80 && v.others != "":
		return Request{Kind: Unlock, ID: v.others}
	case chance < 95:
		return Request{Kind: Unlock, ID: NewID(random)}
	case chance < 120:
		return Request{Kind: Post, Doc: v.document(random)}
	case chance < 130:
		return Request{Kind: Post, ID: NewID(random), Doc: v.document(random)}
	case chance < 150 && v.released != "":
		return Request{Kind: Lock, ID: v.released}
	case chance < 170 && v.released != "":
		return Request{Kind: Unlock, ID: v.released}
	case chance < 190 && v.released != "":
		return Request{Kind: Post, ID: v.released, Doc: v.document(random)}
	case chance < 300, chance < 700 && v.stale:
		return Request{Kind: Get}
	}
	if v.mine == "" {
		v.mine, v.sure, v.mineAt = NewID(random), false, events
		v.plan = v.plans && random.IntN(4) == 0
		return Request{Kind: v.lockKind(), ID: v.mine}
	}
	if !v.sure {
		lock := v.lockKind()
		return Request{Kind: []Kind{lock, lock, Unlock}[random.IntN(3)], ID: v.mine}
	}
	return v.holding(random)
}

func (v *view) lockKind() Kind {
	if v.plan {
		return Plan
	}
	return Lock
}

// holding is what a client does that believes to hold the lock.
func (v *view) holding(random *rand.Rand) Request {
	switch chance := random.IntN(100); {
	case chance < 5:
		return Request{Kind: v.lockKind(), ID: v.mine}
	case chance < 10 && v.plan:
		return Request{Kind: Lock, ID: v.mine} // 423: it is a plan's
	case chance < 50 && v.plan:
		return Request{Kind: Get}
	case chance < 40 || chance < 90 && v.plan:
		return Request{Kind: Unlock, ID: v.mine}
	case chance < 45 && v.head.Bytes != nil:
		return Request{Kind: Post, ID: v.mine, Doc: v.head}
	case chance < 50 && v.head.Bytes != nil:
		return Request{Kind: Post, ID: v.mine,
			Doc: NewDocument(random, v.head.Serial, v.head.Lineage)}
	}
	return Request{Kind: Post, ID: v.mine, Doc: v.document(random)}
}

// document is the next version after what the client believes to be the newest.
func (v *view) document(random *rand.Rand) Document {
	lineage := v.head.Lineage
	if lineage == "" || random.IntN(20) == 0 {
		lineage = NewID(random)
	}
	return NewDocument(random, v.head.Serial+1+uint64(random.IntN(3)/2), lineage)
}

// learn takes in the answer; events is the count after it.
func (v *view) learn(random *rand.Rand, request Request, r *Record, body []byte, events int64) {
	v.again = nil
	if r.Unknown() {
		v.again = &request
		return
	}
	mine := request.ID != "" && request.ID == v.mine
	switch {
	case r.Kind == Get && r.Status == 200:
		if doc, err := ParseDocument(body); err == nil {
			v.head, v.stale = doc, false
		}
	case r.Kind == Post && r.Status == 200:
		v.head, v.stale = request.Doc, false
	case r.Kind == Post && mine && v.plan: // 409: a plan does not write
	case r.Kind == Post && mine:
		v.stale, v.sure = true, random.IntN(2) == 0 // an old serial, or the lock was taken away
	case isLock(r.Kind) && r.Status == 423 && mine && v.sure: // its plan lock, asked as a writer
	case isLock(r.Kind) && r.Status == 423:
		if r.Holder != shutSentence {
			v.others, v.othersAt = r.Holder, events
		}
		if random.IntN(2) == 0 { // else it waits for the lock, with the same ID
			v.mine = ""
		}
	case isLock(r.Kind) && r.Status == 200 && mine:
		v.sure = true
	case mine && (r.Kind == Unlock && r.Status == 200 || isLock(r.Kind) && r.Status == 410):
		v.released, v.releasedAt, v.mine, v.sure = v.mine, v.mineAt, "", false
	case r.Kind == Force:
		v.sure = false
	}
}
