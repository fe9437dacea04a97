// Package service puts the parts of Orderbridge together: it is the one place that sees both sides of every port.
package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"orderbridge/adapters/localpg"
	"orderbridge/adapters/pancake"
	"orderbridge/adapters/passwords"
	"orderbridge/adapters/postgres"
	"orderbridge/adapters/spreadsheet"
	"orderbridge/app"
	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/app/rehearsal"
	"orderbridge/domain/problem"
)

// closeTimeout is how long the embedded PostgreSQL may take to stop.
const closeTimeout = time.Minute

// Settings are what a program of Orderbridge is started with.
type Settings struct {
	// DatabaseURL is a PostgreSQL connection string; empty for the embedded server.
	DatabaseURL string
	// DataDir holds the secret key, and the embedded server's files.
	DataDir string
	// SecretKey is the key for header values as 64 hexadecimal digits; empty for the one in DataDir.
	SecretKey string
	// PancakeAPI is the address of Pancake's own API; empty for the real one.
	PancakeAPI string
	// PancakeRate is how often it is asked at most, in requests a second; 0 for the usual.
	PancakeRate float64
	// ReconcileEvery is how often it is looked for orders that webhooks lost; 0 for the usual, less for never.
	ReconcileEvery time.Duration
}

// usualPancakeRate is how often Pancake is asked at most by one program, in requests a second: it says nowhere how often it may be.
const usualPancakeRate = 2

// Service is Orderbridge on an open database.
type Service struct {
	app.Application

	logger   *slog.Logger
	cluster  *localpg.Cluster // nil on a database of the operator's own
	db       *postgres.Database
	log      *postgres.Log
	listener *postgres.Listener
	rebuilds *postgres.Rebuilds
	attempts *postgres.RefusedAttempts
	dsn      string

	reconcileEvery time.Duration

	shown atomic.Bool // the views have shown this release's read tables since it serves
}

// Open opens the database, migrates it when it is older, and puts the service together. Nothing runs yet but the database,
// and read tables of this release may still have to be built.
func Open(ctx context.Context, settings Settings, logger *slog.Logger) (_ *Service, err error) {
	s := &Service{logger: logger, dsn: settings.DatabaseURL, reconcileEvery: cmp.Or(settings.ReconcileEvery, command.ReconcileEvery)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.dsn == "" {
		if s.cluster, err = localpg.Open(ctx, localpg.Config{DataDir: settings.DataDir, Logger: logger}); err != nil {
			return nil, fmt.Errorf("start embedded PostgreSQL: %w", err)
		}
		s.dsn = s.cluster.DSN()
	}
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	key, err := secretKey(ctx, settings, s.db)
	if err != nil {
		return nil, err
	}
	s.log = postgres.NewLog(s.db)
	s.listener = postgres.NewListener(s.db, logger)

	s.rebuilds = postgres.NewRebuilds(s.db, s.dsn, logger)
	s.attempts = postgres.NewRefusedAttempts(s.db)

	read, history := postgres.NewReadModel(s.db), postgres.NewHistory(s.db)
	workspaces, customers, users := postgres.NewWorkspaces(s.db), postgres.NewCustomers(s.db), postgres.NewUsers(s.db)
	deliveries, imports := postgres.NewDeliveries(s.db), postgres.NewCustomerImports(s.db)
	accounts, passwords := postgres.NewAccounts(s.db, key), command.NewPasswords(passwords.New(passwords.Usual()))
	backfills := postgres.NewBackfills(s.db, key)
	backfill := command.NewBackfillHandler(pancake.NewOrdersAPI(cmp.Or(settings.PancakeAPI, pancake.DefaultAPI),
		cmp.Or(settings.PancakeRate, usualPancakeRate)), backfills,
		pancake.Interpreter{}, pancake.Interpreter{}, time.Now)
	s.Application = app.Application{
		Commands: app.Commands{
			AuthenticateDelivery:  command.NewAuthenticateDeliveryHandler(postgres.NewShopDirectory(s.db, s.listener), s.attempts, key, time.Now),
			ReceiveOrder:          command.NewReceiveOrderHandler(s.log, pancake.Interpreter{}, s.attempts, time.Now),
			ConnectShop:           command.NewConnectShopHandler(workspaces, users, key),
			DisconnectShop:        command.NewDisconnectShopHandler(workspaces),
			UpdateShop:            command.NewUpdateShopHandler(workspaces, users),
			RotateShopKey:         command.NewRotateShopKeyHandler(workspaces, key, time.Now),
			PauseShop:             command.NewPauseShopHandler(workspaces),
			ReleaseHeld:           command.NewReleaseHeldHandler(workspaces),
			ChangeSettings:        command.NewChangeSettingsHandler(workspaces),
			CreateWorkspace:       command.NewCreateWorkspaceHandler(workspaces),
			UpdateWorkspace:       command.NewUpdateWorkspaceHandler(workspaces),
			CreateToken:           command.NewCreateTokenHandler(workspaces),
			RevokeToken:           command.NewRevokeTokenHandler(workspaces),
			AddCustomer:           command.NewAddCustomerHandler(customers, time.Now),
			EditCustomer:          command.NewEditCustomerHandler(customers, time.Now),
			ChangeCustomerStatus:  command.NewChangeCustomerStatusHandler(customers),
			CheckCustomerFile:     command.NewCheckCustomerFileHandler(imports, spreadsheet.Customers{}, time.Now),
			ConfirmCustomerImport: command.NewConfirmCustomerImportHandler(imports),
			CancelCustomerImport:  command.NewCancelCustomerImportHandler(imports),
			DiscardCustomerImport: command.NewDiscardCustomerImportHandler(imports),
			ImportCustomers:       command.NewImportCustomersHandler(imports, time.Now),
			MergeCustomers:        command.NewMergeCustomersHandler(customers),
			Relink:                command.NewRelinkHandler(postgres.NewRelinks(s.db)),
			SetAPIKey:             command.NewSetAPIKeyHandler(workspaces, key),
			Backfill:              backfill,
			Reconcile:             command.NewReconcileHandler(backfill, backfills, time.Now),
			AddUser:               command.NewAddUserHandler(users),
			EditUser:              command.NewEditUserHandler(users),
			SetUserActive:         command.NewSetUserActiveHandler(users),
			ImportUsers:           command.NewImportUsersHandler(users, spreadsheet.Users{}),
			MapStaff:              command.NewMapStaffHandler(users, postgres.NewPastOrders(s.db)),
			UnmapStaff:            command.NewUnmapStaffHandler(users),
			RetryDelivery:         command.NewRetryDeliveryHandler(deliveries),
			RetryDeliveries:       command.NewRetryDeliveriesHandler(deliveries, read),
			SetUpLink:             command.NewSetUpLinkHandler(accounts, time.Now),
			InviteAccount:         command.NewInviteAccountHandler(workspaces, time.Now),
			AcceptInvitation:      command.NewAcceptInvitationHandler(accounts, read, passwords, time.Now),
			ChangeAccountRole:     command.NewChangeAccountRoleHandler(workspaces),
			RemoveAccount:         command.NewRemoveAccountHandler(workspaces),
			EndSessions:           command.NewEndSessionsHandler(workspaces),
			SignIn:                command.NewSignInHandler(accounts, read, passwords, time.Now),
			ChangePassword:        command.NewChangePasswordHandler(workspaces, accounts, read, passwords, time.Now),
			RevealContact:         command.NewRevealContactHandler(accounts, read),
		},
		Projections: s.rebuilds,
		Answers:     postgres.NewAnswers(s.db, key),
		Queries: app.Queries{
			ReadModel: read, ExplainDelivery: query.NewExplainDeliveryHandler(read, time.Now),
			Overview:   postgres.NewOverview(s.db),
			Duplicates: query.NewDuplicatesHandler(read, key),
			Export:     query.NewExportHandler(read, spreadsheet.Sheets{}),
			Timeline:   query.NewTimelineHandler(read, history, time.Now), AsOf: query.NewAsOfHandler(read, history, time.Now),
			Interpret: rehearsal.NewInterpretHandler(pancake.Interpreter{},
				command.NewIngestOrderHandler(pancake.Interpreter{}, pancake.Interpreter{}, time.Now),
				postgres.NewRehearsal(s.db), read, history, time.Now),
		},
	}
	return s, nil
}

// openFilled is Open for whoever reads at once: it returns when the read tables of this release are built and shown. That may
// take a while, and is noted.
func openFilled(ctx context.Context, settings Settings, logger *slog.Logger, notes io.Writer) (*Service, error) {
	s, err := Open(ctx, settings, logger)
	if err != nil {
		return nil, err
	}
	if err := s.fill(ctx, notes); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// fill builds the read tables of this release when those that are shown are of another, or waits while somebody else does.
func (s *Service) fill(ctx context.Context, notes io.Writer) error {
	for noted := false; ; noted = true {
		err := s.db.CheckShown(ctx)
		if !errors.Is(err, postgres.ErrReadTablesFilling) {
			return err
		}
		if !noted {
			fmt.Fprintln(notes, "note: the read tables of this release are built first; it is safe to interrupt this and to run it again")
		}
		if err := s.rebuilds.BuildUnfinished(ctx); err != nil {
			return err
		}
		select {
		case <-time.After(fillPoll):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fillPoll is how often it is looked whether somebody else has built the read tables.
const fillPoll = 100 * time.Millisecond

// connect connects to the database, and migrates it first when it is older.
func (s *Service) connect(ctx context.Context) error {
	db, err := postgres.Connect(ctx, s.dsn)
	if err == nil {
		if err = db.CheckMigrated(ctx); err == nil {
			s.db = db
			return nil
		}
		db.Close()
	}
	if refusal, ok := problem.Of(err); ok && !errors.Is(err, postgres.ErrNotMigrated) {
		return refusal // it cannot be reached, and migrating would not change that
	}
	if err := postgres.Migrate(ctx, s.dsn, s.logger); err != nil {
		return fmt.Errorf("bring database up to date: %w", err)
	}
	s.db, err = postgres.Connect(ctx, s.dsn)
	return err
}

// Close closes what Open opened.
func (s *Service) Close() error {
	if s.log != nil {
		s.log.Close()
	}
	if s.db != nil {
		s.db.Close()
	}
	if s.cluster == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := s.cluster.Close(ctx); err != nil {
		return fmt.Errorf("stop embedded PostgreSQL: %w", err)
	}
	return nil
}
