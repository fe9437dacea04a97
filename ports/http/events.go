package http

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

// The forms in which events are given.
const (
	mediaJSON        = "application/json"
	mediaNDJSON      = "application/x-ndjson"
	mediaEventStream = "text/event-stream"
)

const (
	// maxStreams is how many answers may be under way at once that have no end, or a late one.
	maxStreams = 64
	// defaultHeartbeat is more often than proxies give up on a silent connection.
	defaultHeartbeat = 15 * time.Second
	// defaultSendTimeout is for a hundred events: a slower reader can go on where it was.
	defaultSendTimeout = 30 * time.Second
)

var errTooManyStreams = problem.Unavailable("streams-exhausted",
	"as many streams are open as there may be; read in parts, or try again in some seconds")

// following is a route whose answer may have no end. Whoever takes a part of it is answered like any other reader.
func (s *server) following(needed workspace.Role, next http.HandlerFunc) http.Handler {
	reading := s.reading(needed, next)
	streaming := s.streaming(needed, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead || acceptedMedia(r) == mediaJSON {
			reading.ServeHTTP(w, r)
			return
		}
		streaming.ServeHTTP(w, r)
	})
}

// streaming is a route whose answer is given as it comes about.
func (s *server) streaming(needed workspace.Role, next http.HandlerFunc) http.Handler {
	return s.identified(needed, func(w http.ResponseWriter, r *http.Request) error {
		if err := s.waitFor(r); err != nil {
			return err
		}
		select {
		case s.streams <- struct{}{}:
			defer func() { <-s.streams }()
		default:
			return errTooManyStreams
		}
		stream := &stream{server: s, media: acceptedMedia(r), authorization: r.Header.Get("Authorization")}
		next(w, r.WithContext(context.WithValue(r.Context(), streamKey, stream)))
		return nil
	})
}

// downloading is a route that gives a file from the read tables, of which nothing is masked.
func (s *server) downloading(next http.HandlerFunc) http.Handler {
	return s.streaming(workspace.RoleOperator, func(w http.ResponseWriter, r *http.Request) {
		if err := s.cfg.Readable(); err != nil {
			s.answerError(w, r, err)
			return
		}
		next(w, r)
	})
}

// acceptedMedia is the form that a caller likes best of those there are; JSON for whoever names none of them.
func acceptedMedia(r *http.Request) string {
	best, liking := mediaJSON, 0.0
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		media, parameters, err := mime.ParseMediaType(part)
		if err != nil || !slices.Contains([]string{mediaJSON, mediaNDJSON, mediaEventStream}, media) {
			continue
		}
		quality := 1.0
		if given, err := strconv.ParseFloat(parameters["q"], 64); err == nil {
			quality = given
		}
		if quality > liking {
			best, liking = media, quality
		}
	}
	return best
}

// ListEvents gives the workspace's events, in the form that the caller accepts.
func (c api) ListEvents(ctx context.Context, request ListEventsRequestObject) (ListEventsResponseObject, error) {
	var check query.Parameters
	filter := check.Events(request.Params.After, given(request.Params.Types), c.queries.EventTypes(), given(request.Params.Actor),
		request.Params.Limit)
	if err := check.Problem(); err != nil {
		return nil, err
	}
	streamed, _ := ctx.Value(streamKey).(*stream)
	if streamed == nil {
		page, err := c.queries.Events(ctx, workspaceOf(ctx), filter)
		return ListEvents200JSONResponse{Body: seen(ctx, page)}, err
	}
	streamed.read, streamed.workspaceID, streamed.filter = c.queries, workspaceOf(ctx), filter
	if last := request.Params.LastEventID; last != nil && streamed.media == mediaEventStream {
		streamed.filter.After = max(*last, 0)
	}
	streamed.ctx = ctx
	return streamed, nil
}

// stream is an answer that is given as it comes about.
type stream struct {
	server        *server
	media         string
	authorization string

	ctx         context.Context //nolint:containedctx // the generated code gives an answer none
	read        query.ReadModel
	workspaceID uuid.UUID
	filter      query.EventFilter
	out         *http.ResponseController
	// allowedAt is when it was last seen that the caller may read.
	allowedAt time.Time
}

// VisitListEventsResponse gives the answer.
func (s *stream) VisitListEventsResponse(w http.ResponseWriter) error {
	if err := s.begin(w); err != nil {
		return err
	}
	if s.media == mediaNDJSON {
		return s.export(w)
	}
	return s.follow(w)
}

// begin takes the usual limits of time from the answer.
func (s *stream) begin(w http.ResponseWriter) error {
	s.out = http.NewResponseController(w)
	// The request is read, and waiting for more of it would end the answer at the server's usual time.
	if err := s.out.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("keep connection open: %w", err)
	}
	return nil
}

// send writes what there is, unless the reader is too slow for it.
func (s *stream) send(w http.ResponseWriter, data []byte) error {
	if err := s.out.SetWriteDeadline(time.Now().Add(s.server.cfg.SendTimeout)); err != nil {
		return fmt.Errorf("limit time to write: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}

// export gives all events up to where the log ends now.
func (s *stream) export(w http.ResponseWriter) error {
	begun := false
	_, err := query.EachEvent(s.ctx, s.read, s.workspaceID, s.filter, func(page query.EventPage) error {
		if !begun {
			w.Header().Set("Content-Type", mediaNDJSON)
			w.Header().Set(headerPosition, strconv.FormatInt(page.Head, 10))
			w.WriteHeader(http.StatusOK)
			begun = true
		}
		if s.isClosing() {
			return errClosing
		}
		if err := s.mayRead(); err != nil {
			return err
		}
		var lines bytes.Buffer
		encoder := json.NewEncoder(&lines)
		encoder.SetEscapeHTML(false)
		for _, e := range seen(s.ctx, page).Items {
			if err := encoder.Encode(e); err != nil {
				return fmt.Errorf("encode event %d: %w", e.Position, err)
			}
		}
		return s.send(w, lines.Bytes())
	})
	return s.ended(err, begun)
}

// ended ends an answer that was to be given whole. What fails before any of it was given is answered as any other failure; afterwards the
// connection is cut, so that nobody takes a part for the whole.
func (s *stream) ended(err error, begun bool) error {
	if err != nil && begun {
		s.server.logger.DebugContext(s.ctx, "answer broke off", "request_id", exchangeOf(s.ctx).id, "error", whole(err))
		panic(http.ErrAbortHandler)
	}
	return err
}

var errClosing = problem.Unavailable("closing", "the service is stopping; go on with another instance")

func (s *stream) isClosing() bool {
	select {
	case <-s.server.cfg.Closing:
		return true
	default:
		return false
	}
}

// follow gives all events, and then each one as it happens.
func (s *stream) follow(w http.ResponseWriter) error {
	wake, stop := s.server.cfg.Appended(s.filter.Types...) // before the first look, so that nothing is appended in between
	defer stop()
	page, err := s.nextPage() // before the answer begins, so that what cannot be given is answered as any other failure
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", mediaEventStream)
	w.Header().Set("X-Accel-Buffering", "no") // a proxy that collects the answer would keep it for good
	w.WriteHeader(http.StatusOK)
	if err := s.send(w, []byte(": events follow\n\n")); err != nil {
		return err
	}
	beat := time.NewTicker(s.server.cfg.Heartbeat)
	defer beat.Stop()
	for {
		if err := s.catchUp(w, page, beat.C); err != nil {
			return err
		}
		select {
		case <-wake:
		case <-beat.C: // also a look at what nobody told of
			if err := s.beat(w); err != nil {
				return err
			}
		case <-s.ctx.Done():
			return nil
		case <-s.server.cfg.Closing:
			return nil
		}
		if page, err = s.nextPage(); err != nil {
			return err
		}
	}
}

// catchUp gives events, those of a part that was read first, up to where the log ends.
func (s *stream) catchUp(w http.ResponseWriter, page query.EventPage, beat <-chan time.Time) error {
	for {
		s.filter.After = page.NextAfter
		if len(page.Items) > 0 {
			if err := s.sendEvents(w, page); err != nil {
				return err
			}
		}
		if page.NextAfter >= page.Head || s.isClosing() {
			return nil
		}
		select {
		case <-beat: // a long way through the log with nothing to give
			if err := s.beat(w); err != nil {
				return err
			}
		default:
		}
		var err error
		if page, err = s.nextPage(); err != nil {
			return err
		}
	}
}

func (s *stream) nextPage() (query.EventPage, error) {
	ctx, cancel := context.WithTimeout(s.ctx, workTimeout)
	defer cancel()
	return s.read.Events(ctx, s.workspaceID, s.filter)
}

func (s *stream) sendEvents(w http.ResponseWriter, page query.EventPage) error {
	if err := s.mayRead(); err != nil {
		return err
	}
	var text bytes.Buffer
	for _, e := range seen(s.ctx, page).Items {
		data, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encode event %d: %w", e.Position, err)
		}
		fmt.Fprintf(&text, "id: %d\nevent: %s\ndata: %s\n\n", e.Position, e.Type, data)
	}
	return s.send(w, text.Bytes())
}

// beat shows that the stream lives, and how far it is: an id without data is remembered by readers, and is no event to them.
func (s *stream) beat(w http.ResponseWriter) error {
	if err := s.mayRead(); err != nil {
		return err
	}
	return s.send(w, fmt.Appendf(nil, ": still here\nid: %d\n\n", s.filter.After))
}

// allowedFor is how long a caller who was allowed to read is not looked at again.
const allowedFor = time.Second

// mayRead looks whether the caller may still read: whoever's token was revoked is told nothing more.
func (s *stream) mayRead() error {
	if time.Since(s.allowedAt) < allowedFor {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, workTimeout)
	defer cancel()
	if _, err := s.server.callerOf(ctx, s.authorization); err != nil { // a token's role never changes
		return fmt.Errorf("look whether the caller may still read: %w", err)
	}
	s.allowedAt = time.Now()
	return nil
}
