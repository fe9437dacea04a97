package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/problem"
)

type workspaceCommands struct {
	Create workspaceCreate `cmd:"" help:"Set a workspace up."`
	List   workspaceList   `cmd:"" help:"List the workspaces."`
	Show   workspaceShow   `cmd:"" help:"Show a workspace."`
	Update workspaceUpdate `cmd:"" help:"Change which hosts belong to a workspace."`
}

type workspaceCreate struct {
	Name    string   `arg:"" help:"What to call it; --workspace NAME then works on it."`
	Hosts   []string `name:"host" help:"Host that belongs to it, such as crm.example.com. May be repeated." placeholder:"HOST" sep:"none"`
	Default bool     `help:"Requests to hosts that no workspace claims go to it."`
	Output  output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*workspaceCreate) Help() string {
	return `A workspace is one CRM domain: shops, settings, customers, orders, staff and tokens are its own, and no other workspace sees them.
A delivery belongs to the workspace whose host it was sent to.

Example:

    orderbridge workspace create shop-b --host crm.shop-b.example.vn`
}

// Run sets the workspace up.
func (c *workspaceCreate) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		id, err := s.Commands.CreateWorkspace.Handle(ctx, command.CreateWorkspace{
			Actor: s.by().Actor, Name: c.Name, Hosts: c.Hosts, Default: c.Default,
		})
		if err != nil {
			return err
		}
		return rt.showWorkspace(ctx, s, c.Output.JSON, func(w query.Workspace) bool { return w.ID == id })
	})
}

// showWorkspace prints the workspace that is meant.
func (rt *Runtime) showWorkspace(ctx context.Context, s Session, asJSON bool, isMeant func(query.Workspace) bool) error {
	workspaces, err := s.Queries.Workspaces(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(workspaces, isMeant)
	if at < 0 {
		return errWorkspaceUnknown
	}
	found := workspaces[at]
	return rt.show(asJSON, found, func(p *page) {
		p.fields(
			[2]string{"Workspace", found.Name},
			[2]string{"Id", found.ID.String()},
			[2]string{"Hosts", strings.Join(found.Hosts, ", ")},
			[2]string{"Default", yesNo(found.Default)},
			[2]string{"Shops", strconv.Itoa(found.Shops)},
		)
	})
}

var errWorkspaceUnknown = problem.NotFound("workspace-unknown", "no workspace has this name; see: orderbridge workspace list")

type workspaceList struct {
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*workspaceList) Help() string {
	return `Examples:

    orderbridge workspace list
    orderbridge workspace list --json | jq -r '.items[].name'`
}

// Run lists the workspaces.
func (c *workspaceList) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		workspaces, err := s.Queries.Workspaces(ctx)
		if err != nil {
			return err
		}
		shape := []column{{title: "NAME", limit: 40}, {title: "HOSTS", limit: 60}, {title: "DEFAULT"}, {title: "SHOPS", right: true}}
		return showList(rt, c.Output.JSON, query.List[query.Workspace]{Items: workspaces}, "workspaces", shape, func(w query.Workspace) []string {
			return []string{w.Name, strings.Join(w.Hosts, ", "), yesNo(w.Default), strconv.Itoa(w.Shops)}
		})
	})
}

type workspaceShow struct {
	Name   string `arg:"" help:"Name of the workspace. Default: the one to work on." optional:""`
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*workspaceShow) Help() string {
	return `Example:

    orderbridge workspace show shop-b`
}

// Run shows the workspace.
func (c *workspaceShow) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		return rt.showWorkspace(ctx, s, c.Output.JSON, func(w query.Workspace) bool {
			return w.Name == c.Name || c.Name == "" && w.ID == s.WorkspaceID
		})
	})
}

type workspaceUpdate struct {
	Name        string   `arg:"" help:"Name of the workspace, see: orderbridge workspace list."`
	AddHosts    []string `name:"add-host" help:"Host that belongs to it from now on. May be repeated." placeholder:"HOST" sep:"none"`
	RemoveHosts []string `name:"remove-host" help:"Host that belongs to it no longer. May be repeated." placeholder:"HOST" sep:"none"`
	Default     bool     `help:"Requests to hosts that no workspace claims go to it, in place of another."`
	Output      output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*workspaceUpdate) Help() string {
	return `The next delivery is taken by the new hosts. What was delivered stays where it is.

Example:

    orderbridge workspace update shop-b --add-host crm2.shop-b.example.vn`
}

// Run changes the workspace.
func (c *workspaceUpdate) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		by := s.by()
		var err error
		if by.WorkspaceID, err = s.Queries.WorkspaceNamed(ctx, c.Name); err != nil {
			return err
		}
		if err := s.Commands.UpdateWorkspace.Handle(ctx, command.UpdateWorkspace{
			By: by, AddHosts: c.AddHosts, RemoveHosts: c.RemoveHosts, MakeDefault: c.Default,
		}); err != nil {
			return err
		}
		return rt.showWorkspace(ctx, s, c.Output.JSON, func(w query.Workspace) bool { return w.ID == by.WorkspaceID })
	})
}
