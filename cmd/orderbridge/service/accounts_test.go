package service_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/cmd/orderbridge/service"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

var printedSetUpLink = regexp.MustCompile(`(?m)^Open (http://127\.0\.0\.1:\d+)/setup/(obi_[A-Za-z0-9_-]+) to make the first account$`)

// firstStart is the program as its owner starts it, with what it printed and logged until it listened and said what there is to say.
func firstStart(t *testing.T, dsn, dataDir string) (printed string, logged *lockedBuffer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	ended, logged := make(chan int, 1), &lockedBuffer{}
	go func() {
		ended <- service.Main(ctx, []string{"serve", "--demo", "--addr", "127.0.0.1:0", "--data-dir", dataDir},
			func(name string) string { return map[string]string{"DATABASE_URL": dsn}[name] }, strings.NewReader(""), writer, logged)
		writer.Close()
	}()
	var text strings.Builder
	lines := bufio.NewScanner(reader)
	for lines.Scan() && !strings.Contains(lines.Text(), "shop list") { // the last line of a demo beside other shops
		text.WriteString(lines.Text() + "\n")
	}
	go io.Copy(io.Discard, reader) //nolint:errcheck // the rest is of no interest
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("serve ended with exit code %d", code)
	}
	return text.String(), logged
}

// TestTheFirstAccountIsMadeByALinkThatIsPrinted: at each start until there is an owner, and in no log.
func TestTheFirstAccountIsMadeByALinkThatIsPrinted(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.stop()
	var tokens []string
	for range 2 {
		printed, logged := firstStart(t, b.dsn, b.dataDir)
		found := printedSetUpLink.FindStringSubmatch(printed)
		if len(found) == 0 || !strings.Contains(printed, "Orderbridge listens on "+found[1]+"\n") {
			t.Fatalf("printed:\n%s", printed)
		}
		if strings.Contains(logged.String(), found[2]) {
			t.Errorf("logged:\n%s", logged.String())
		}
		tokens = append(tokens, found[2])
	}

	b.run()
	ctx, commands := t.Context(), b.service.Commands
	const password = "mật khẩu đủ dài"
	owner, err := commands.AcceptInvitation.Handle(ctx, command.AcceptInvitation{
		WorkspaceID: b.workspaceID, Token: tokens[0], Name: "lan", Password: password,
	})
	must(t, err)
	_, err = commands.AcceptInvitation.Handle(ctx, command.AcceptInvitation{
		WorkspaceID: b.workspaceID, Token: tokens[1], Name: "mai", Password: password,
	})
	if refusal, ok := problem.Of(err); !ok || refusal.Code() != "invitation-unknown" {
		t.Errorf("the other link: %v", err)
	}
	signedIn, err := commands.SignIn.Handle(ctx, command.SignIn{WorkspaceID: b.workspaceID, Name: "LAN", Password: password})
	if err != nil || signedIn.ID != owner.ID || signedIn.Role != workspace.RoleOwner || signedIn.LastSignInAt == nil {
		t.Errorf("signed in as %+v, %v", signedIn, err)
	}
	if _, err := commands.SignIn.Handle(ctx, command.SignIn{WorkspaceID: b.workspaceID, Name: "lan", Password: "mật khẩu khác"}); !errors.Is(err, command.ErrSignInRefused) {
		t.Errorf("a wrong password: %v", err)
	}

	// At the command line it is seen who there is, and who did what.
	sh := b.shell()
	if listed := sh.run("account", "list"); !strings.Contains(listed, "lan   owner  active") {
		t.Errorf("listed:\n%s", listed)
	}
	if _, complaint, code := sh.try("account", "setup-link"); code == 0 || !strings.Contains(complaint, "an owner can sign in already") {
		t.Errorf("exit code %d: %s", code, complaint)
	}
	by := command.By{WorkspaceID: b.workspaceID, Actor: owner.Actor()}
	_, err = commands.CreateToken.Handle(ctx, command.CreateToken{By: by, Name: "sync", Role: workspace.RoleViewer})
	must(t, err)
	did, err := b.service.Queries.Timeline.OfActor(ctx, b.workspaceID, event.ActorAccount("lan"), query.Page{Limit: 10})
	must(t, err)
	var acts []string
	for _, step := range did.Items {
		acts = append(acts, step.Event)
	}
	if got := strings.Join(acts, " "); got != "TokenCreated AccountSignedIn AccountPasswordSet AccountInvited" {
		t.Errorf("did %s", got)
	}
	if exported := sh.run("event", "export", "--actor", "account:lan"); strings.Count(exported, "\n") != 4 || strings.Contains(exported, "argon2id") {
		t.Errorf("exported:\n%s", exported)
	}
	if told := sh.run("audit", "settings"); !strings.Contains(told, "by lan in the console") {
		t.Errorf("told:\n%s", told)
	}

	b.stop()
	if printed, _ := firstStart(t, b.dsn, b.dataDir); strings.Contains(printed, "/setup/") {
		t.Errorf("printed though there is an owner:\n%s", printed)
	}
}
