package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Answers are at most this long: far above the documents that the clients send.
const maxAnswer = 16 << 20

// Client sends one HTTP request per operation: no retry, no redirect.
type Client struct {
	Base, User, Password string // Base: up to and with the project, no slash at its end
	Timeout              time.Duration
	Started              time.Time
	http                 *http.Client
}

func NewClient(base, user, password string, connections int, timeout time.Duration) *Client {
	transport := &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}
	return &Client{Base: base, User: user, Password: password, Timeout: timeout,
		Started: time.Now(), http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}}
}

// Request is an operation before it is sent.
type Request struct {
	State string
	Kind  Kind
	ID    string
	Doc   Document // of a Post
	// Terraform sends its empty body chunked, OpenTofu with a length of 0.
	Chunked bool
}

// LockInfo is what the clients send, and what a 423 must show of the holder.
type LockInfo struct {
	ID, Operation, Info, Who, Version string
	Created                           time.Time
	Path                              string
}

const (
	applies = "OperationTypeApply"
	plans   = "OperationTypePlan"
)

func lockInfo(id, operation string) LockInfo {
	return LockInfo{ID: id, Operation: operation, Who: "prover@" + short(id),
		Version: "1.12.6", Created: time.Now().UTC()}
}

// Do sends the request and records what came of it; body is what a GET returned.
func (c *Client) Do(client int, request Request) (record Record, body []byte) {
	record = Record{Client: client, State: request.State, Kind: request.Kind, ID: request.ID,
		Serial: request.Doc.Serial, Lineage: request.Doc.Lineage}
	if request.Kind == Post {
		record.SHA = digest(request.Doc.Bytes)
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Timeout)
	defer cancel()
	message, err := c.message(ctx, request)
	if err != nil {
		panic(err) // a URL that does not parse: refused at start
	}
	record.Call = time.Since(c.Started).Nanoseconds()
	answer, err := c.http.Do(message)
	if err == nil {
		body, err = readAll(answer)
	}
	record.Return = time.Since(c.Started).Nanoseconds()
	if err != nil {
		record.Note = err.Error()
		return record, nil
	}
	record.Status = answer.StatusCode
	switch {
	case request.Kind == Get && record.Status == 200:
		record.SHA = digest(body)
	case isLock(request.Kind) && record.Status == 423:
		record.Holder, record.Note = holderOf(body)
	case request.Kind == Force && record.Status == 409:
		record.Holder, record.Note = holderOf(body)
	}
	return record, body
}

func (c *Client) message(ctx context.Context, request Request) (*http.Request, error) {
	if request.Kind == Shut || request.Kind == Reopen {
		return c.gateMessage(ctx, request)
	}
	url := c.Base + "/" + request.State
	method, payload := string(request.Kind), []byte(nil)
	switch request.Kind {
	case Lock, Unlock:
		payload, _ = json.Marshal(lockInfo(request.ID, applies))
	case Plan:
		method = string(Lock)
		payload, _ = json.Marshal(lockInfo(request.ID, plans))
	case Force:
		method = "UNLOCK"
	case Post:
		payload = request.Doc.Bytes
		if request.ID != "" {
			url += "?ID=" + request.ID
		}
	}
	message, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	if request.Chunked {
		message.Body, message.ContentLength = io.NopCloser(strings.NewReader("")), -1
	}
	if len(payload) > 0 {
		sum := md5.Sum(payload)
		message.Header.Set("Content-Type", "application/json")
		message.Header.Set("Content-MD5", base64.StdEncoding.EncodeToString(sum[:]))
	}
	message.SetBasicAuth(c.User, c.Password)
	return message, nil
}

func (c *Client) gateMessage(ctx context.Context, request Request) (*http.Request, error) {
	root, project, _ := strings.Cut(c.Base, "/state/")
	url := root + "/api/v1/maintenance"
	call := map[string]string{"glob": project + "/" + request.State}
	if request.Kind == Shut {
		call["until"], call["reason"] = "2099-01-01T00:00:00Z", "the prover"
	} else {
		url += "/end"
	}
	payload, _ := json.Marshal(call)
	message, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(payload))
	if err == nil {
		message.Header.Set("Content-Type", "application/json")
		message.SetBasicAuth(c.User, c.Password)
	}
	return message, err
}

// An answer that is cut short counts as none.
func readAll(answer *http.Response) ([]byte, error) {
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	return body, err
}

// The client shows these fields to a user, so they must be those of one and the same holder.
func holderOf(body []byte) (id, note string) {
	var info LockInfo
	if err := json.Unmarshal(body, &info); err != nil {
		return "", "no LockInfo: " + err.Error()
	}
	if info.Operation == plans && strings.Contains(info.ID, " ") {
		return "", "" // a sentence: several plans
	}
	if strings.HasPrefix(info.ID, shutSentence+" ") {
		return shutSentence, ""
	}
	want := lockInfo(info.ID, applies)
	if info.Who != want.Who || info.Operation != applies && info.Operation != plans {
		return "", fmt.Sprintf("mixes locks: ID %s, Who %s, Operation %s", info.ID, info.Who,
			info.Operation)
	}
	return info.ID, ""
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
