package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"orderbridge/app/command"
)

// idOf is the id in a path. A path without one is that of no page.
func idOf(r *http.Request) (uuid.UUID, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return uuid.Nil, errPageUnknown
	}
	return id, nil
}

// insistedVersion is the version of a record that a form was filled in for.
func insistedVersion(r *http.Request) (command.IfVersion, error) {
	version, err := strconv.Atoi(r.PostFormValue("version"))
	if err != nil || version < 0 {
		return 0, errFormBroken
	}
	return command.IfVersion(version), nil
}

// versionOf is the id in a path, and the version of that record, which has to be one, that a form was filled in for.
func versionOf(r *http.Request) (uuid.UUID, command.IfVersion, error) {
	id, err := idOf(r)
	if err != nil {
		return uuid.Nil, 0, err
	}
	version, err := insistedVersion(r)
	if err == nil && version == 0 {
		err = errFormBroken
	}
	return id, version, err
}

// askedAt is the address that a request was sent to, without a path. A proxy has to pass the host on, and say when it was asked over TLS;
// who lies about it is shown the lie.
func askedAt(r *http.Request) string {
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
