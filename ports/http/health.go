package http

import (
	"context"
	"net/http"
	"time"

	"orderbridge/domain/problem"
)

// readinessTimeout is shorter than what those who ask usually wait.
const readinessTimeout = 5 * time.Second

type health struct {
	Status string `json:"status"`
	// Reason says why the service cannot do its work.
	Reason string `json:"reason,omitempty"`
}

func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, http.StatusOK, health{Status: "ok"})
}

func (s *server) readiness(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readinessTimeout)
	defer cancel()
	err := s.cfg.Readiness(ctx)
	if err == nil {
		answerJSON(w, http.StatusOK, health{Status: "ready"})
		return
	}
	s.logger.WarnContext(ctx, "not ready", "request_id", exchangeOf(ctx).id, "error", whole(err))
	reason := "the service's log names the cause"
	if known, ok := problem.Of(err); ok {
		reason = known.Error()
	}
	answerJSON(w, http.StatusServiceUnavailable, health{Status: "unready", Reason: reason})
}
