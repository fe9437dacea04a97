package workspace

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"orderbridge/domain/problem"
)

const (
	maxHosts      = 50
	maxHostLength = 253 // RFC 1035 §2.3.4, as text
)

// ChangeHosts adds and removes hosts: requests to one of them belong to this workspace. What is there already, or not
// there, says nothing new. All invalid fields are reported at once.
func (w *Workspace) ChangeHosts(add, remove []string) error {
	add, invalid := parseHosts("add_hosts", add)
	remove, wrong := parseHosts("remove_hosts", remove)
	if invalid = append(invalid, wrong...); len(invalid) > 0 {
		return problem.InvalidFields("workspace-invalid", invalid...)
	}
	after := slices.Clone(w.hosts)
	for _, host := range add {
		if !slices.Contains(after, host) {
			after = append(after, host)
		}
	}
	after = slices.DeleteFunc(after, func(host string) bool { return slices.Contains(remove, host) })
	if len(after) > maxHosts {
		return problem.InvalidFields("workspace-invalid", problem.Field{
			Path: "add_hosts", Message: fmt.Sprintf("a workspace has at most %d hosts", maxHosts),
		})
	}
	if !slices.Equal(after, w.hosts) {
		w.record(WorkspaceHostsChanged{Before: orEmpty(w.hosts), After: orEmpty(after)})
	}
	return nil
}

// SetDefault makes this workspace the one that a request goes to whose host no workspace claims, or ends that.
func (w *Workspace) SetDefault(isDefault bool) {
	if w.isDefault != isDefault {
		w.record(WorkspaceDefaultChanged{IsDefault: isDefault})
	}
}

// Hosts are those that the workspace answers to.
func (w *Workspace) Hosts() []string { return w.hosts }

// IsDefault tells that requests to hosts that nobody claims go to this workspace.
func (w *Workspace) IsDefault() bool { return w.isDefault }

// parseHosts reads hosts as they stand in a request, without port: names in lower case, or addresses.
func parseHosts(path string, raw []string) ([]string, []problem.Field) {
	var hosts []string
	var invalid []problem.Field
	for i, text := range raw {
		host := strings.TrimSuffix(strings.Trim(strings.ToLower(strings.TrimSpace(text)), "[]"), ".")
		if !isHost(host) {
			invalid = append(invalid, problem.Field{
				Path:    fmt.Sprintf("%s[%d]", path, i),
				Message: "a host is a name such as crm.example.com, without scheme, port and path; other letters than a-z in Punycode",
			})
			continue
		}
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts, invalid
}

func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	if host == "" || len(host) > maxHostLength {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

func orEmpty(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}
