package http

import (
	"net/http"

	"orderbridge/app"
	"orderbridge/app/projection"
)

// api answers what openapi.yaml describes for callers with a token, everything in the caller's workspace.
type api struct {
	commands    app.Commands
	queries     app.Queries
	projections projection.Keeper
}

var _ StrictServerInterface = api{}

// api wraps the handlers into the generated code that reads parameters and writes answers.
func (s *server) api() *ServerInterfaceWrapper {
	handlers := api{commands: s.application.Commands, queries: s.application.Queries, projections: s.application.Projections}
	return &ServerInterfaceWrapper{
		Handler: NewStrictHandlerWithOptions(handlers, nil, StrictHTTPServerOptions{
			RequestErrorHandlerFunc: func(w http.ResponseWriter, r *http.Request, err error) {
				s.answerError(w, r, bodyProblem(err))
			},
			ResponseErrorHandlerFunc: s.answerError,
		}),
		ErrorHandlerFunc: func(w http.ResponseWriter, r *http.Request, err error) {
			s.answerError(w, r, parameterProblem(err))
		},
	}
}
