package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"orderbridge/adapters/eventbus"
	"orderbridge/adapters/pancake"
	"orderbridge/adapters/postgres"
	"orderbridge/app/command"
	"orderbridge/app/policy"
	httpport "orderbridge/ports/http"
	"orderbridge/ports/subscriber"
	"orderbridge/ports/web"
)

const (
	// shutdownTimeout is how long requests under way may take to finish when the service stops.
	shutdownTimeout = 10 * time.Second
	// migratedKept is how long the answer is remembered that the database is up to date.
	migratedKept = 30 * time.Second

	// clusterWatch is how often the embedded server is looked after, maxRevivals how often in a row that may fail.
	clusterWatch = 2 * time.Second
	maxRevivals  = 5

	// heldWatch is how often it is looked for deliveries that wait and need not any more.
	heldWatch = 30 * time.Second

	// attemptsEvery is how often it is written at most that calls of the webhook were not taken.
	attemptsEvery = time.Second
)

// Serve runs HTTP server and consumers until the context ends or one of them fails, and returns when requests and
// slices under way have come to an end. Deliveries are taken from the start; the API waits for the read tables of this release.
func (s *Service) Serve(ctx context.Context, listener net.Listener) error {
	// Consumers stop after the door is closed, so that what was taken last is still handled if it is quick.
	consuming, stopConsuming := context.WithCancel(context.WithoutCancel(ctx))
	defer stopConsuming()

	consumers := s.consumers(consuming)
	groups, err := s.groups(consuming, consumers)
	if err != nil {
		return err
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		postgres.NewConsumerMetrics(s.db))
	running, ctx := errgroup.WithContext(ctx)
	handler := httpport.NewServer(s.logger, s.Application, httpport.Config{
		Readiness: s.readiness(consumers), Readable: s.readable, Registerer: metrics, Gatherer: metrics,
		Appended: s.listener.Watch, Closing: ctx.Done(),
	})
	console := web.NewServer(s.logger, s.Application, web.Config{
		Sessions: postgres.NewSessions(s.db), HostOf: httpport.HostOf, Readable: s.readable, SampleDelivery: deliverSample,
	})
	server := httpport.NewHTTPServer(listener.Addr().String(), entrance(handler, console), s.logger)

	s.shown.Store(s.db.CheckShown(ctx) == nil) // usually it holds, and the API answers from the start

	running.Go(func() error {
		s.listener.Run(consuming)
		return nil
	})
	running.Go(func() error { return s.watchCluster(ctx) })
	running.Go(func() error {
		s.rebuilds.Run(ctx)
		return nil
	})
	running.Go(func() error {
		s.watchShown(ctx)
		return nil
	})
	running.Go(func() error {
		s.watchHeld(ctx)
		return nil
	})
	running.Go(func() error {
		s.writeAttempts(ctx)
		return nil
	})
	running.Go(func() error {
		s.bringIn(ctx)
		return nil
	})
	running.Go(func() error {
		s.reconcile(ctx)
		return nil
	})
	running.Go(func() error { return subscriber.Run(consuming, s.logger, groups) })
	running.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve HTTP: %w", err)
		}
		return nil
	})
	running.Go(func() error {
		<-ctx.Done()
		s.logger.InfoContext(ctx, "stopping")
		defer stopConsuming()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if err := server.Shutdown(grace); err != nil {
			return fmt.Errorf("stop HTTP server: %w", errors.Join(err, server.Close()))
		}
		return nil
	})
	return running.Wait()
}

// entrance sends programs to the API, and people to the console.
func entrance(api, console http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if httpport.IsForPrograms(r.URL.Path) {
			api.ServeHTTP(w, r)
			return
		}
		console.ServeHTTP(w, r)
	})
}

// watchHeld lets in what waited for a shop that was resumed by a program which died over it.
func (s *Service) watchHeld(ctx context.Context) {
	repeat(ctx, heldWatch, func() {
		released, err := s.Commands.ReleaseHeld.Handle(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			s.logger.WarnContext(ctx, "deliveries that need not wait could not be let in", "error", err)
		case released > 0:
			s.logger.InfoContext(ctx, "deliveries that need not wait were let in", "deliveries", released)
		}
	})
}

// writeAttempts keeps what was wrong with calls of the webhook that were not taken.
func (s *Service) writeAttempts(ctx context.Context) {
	repeat(ctx, attemptsEvery, func() {
		if err := s.attempts.Write(ctx); err != nil && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "what was wrong with calls of the webhook could not be kept", "error", err)
		}
	})
}

// repeat does something at once, and then again and again until the context ends.
func repeat(ctx context.Context, every time.Duration, do func()) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

const (
	// importWatch is how often it is looked for imports that were confirmed, forgetEvery for those that are kept no longer.
	importWatch = time.Second
	forgetEvery = time.Hour
)

// bringIn brings in the rows of imports that were confirmed, one import after the other. Whoever confirmed one may do so too.
func (s *Service) bringIn(ctx context.Context) {
	var forgotten time.Time
	repeat(ctx, importWatch, func() {
		if time.Since(forgotten) > forgetEvery {
			forgotten = time.Now()
			if err := s.Commands.ImportCustomers.Forget(ctx); err != nil && ctx.Err() == nil {
				s.logger.WarnContext(ctx, "what old imports keep of people could not be forgotten", "error", err)
			}
		}
		if err := s.bringInUnfinished(ctx); err != nil && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "rows of an import could not be brought in, and are tried again", "error", err)
		}
	})
}

func (s *Service) bringInUnfinished(ctx context.Context) error {
	ids, err := s.Commands.ImportCustomers.Unfinished(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		for after := 0; ; {
			done, err := s.Commands.ImportCustomers.Next(ctx, id, after)
			if err != nil {
				return err
			}
			if done.Done || done.Busy {
				break
			}
			after = done.Line
		}
	}
	return nil
}

// reconcileWatch is how often it is looked whether a shop is due.
const reconcileWatch = time.Minute

// reconcile looks for orders whose webhooks were lost.
func (s *Service) reconcile(ctx context.Context) {
	if s.reconcileEvery < 0 {
		return
	}
	repeat(ctx, min(reconcileWatch, s.reconcileEvery), func() {
		found, err := s.Commands.Reconcile.Due(ctx, s.reconcileEvery)
		if err != nil && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "shops could not be reconciled", "error", err)
		}
		for _, one := range found {
			switch {
			case one.Err != nil && ctx.Err() == nil:
				s.logger.WarnContext(ctx, "a shop could not be reconciled to the end", "shop_id", one.Shop.ShopID, "error", one.Err)
			case one.BroughtIn > 0:
				s.logger.InfoContext(ctx, "orders whose webhooks were lost were brought in", "shop_id", one.Shop.ShopID, "orders", one.BroughtIn)
			}
		}
	})
}

// watchShown notices when the read tables of this release are shown, whoever built them.
func (s *Service) watchShown(ctx context.Context) {
	tick := time.NewTicker(fillPoll)
	defer tick.Stop()
	for !s.shown.Load() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.shown.Store(s.db.CheckShown(ctx) == nil)
	}
}

// readable tells whether the API can read what it answers.
func (s *Service) readable() error {
	if !s.shown.Load() {
		return postgres.ErrReadTablesFilling
	}
	return nil
}

// watchCluster brings the embedded server back when it dies. It fails when that goes wrong again and again, so that
// whoever supervises this process gets to know.
func (s *Service) watchCluster(ctx context.Context) error {
	if s.cluster == nil {
		return nil
	}
	tick := time.NewTicker(clusterWatch)
	defer tick.Stop()
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if s.pings(ctx) || ctx.Err() != nil {
			failures = 0
			continue
		}
		err := s.reviveCluster(ctx)
		if err == nil || ctx.Err() != nil {
			continue
		}
		if failures++; failures == maxRevivals {
			return fmt.Errorf("bring the embedded PostgreSQL back, %d times: %w", failures, err)
		}
		s.logger.ErrorContext(ctx, "embedded PostgreSQL is gone and could not be started again", "error", err)
	}
}

func (s *Service) pings(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, clusterWatch)
	defer cancel()
	return s.db.Ping(ctx) == nil
}

func (s *Service) reviveCluster(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	return s.cluster.EnsureRunning(ctx)
}

func (s *Service) consumers(ctx context.Context) []*eventbus.Consumer {
	ingest := command.NewIngestOrderHandler(pancake.Interpreter{}, pancake.Interpreter{}, time.Now)
	configs := []eventbus.Config{postgres.PolicyConsumer(s.db, s.listener, policy.NewOnOrderReceived(ingest))}
	for _, p := range postgres.Projections() {
		configs = append(configs, postgres.ProjectionConsumer(s.db, s.listener, p))
	}
	consumers := make([]*eventbus.Consumer, 0, len(configs))
	for _, config := range configs {
		config.Callers = s.log.Callers()
		consumers = append(consumers, eventbus.NewConsumer(ctx, config, s.logger))
	}
	return consumers
}

func (s *Service) groups(ctx context.Context, consumers []*eventbus.Consumer) ([]subscriber.Group, error) {
	groups := make([]subscriber.Group, 0, len(consumers))
	for _, consumer := range consumers {
		pool, err := s.db.ConsumerPool(ctx)
		if err != nil {
			return nil, err
		}
		feed, err := consumer.Subscriber(pool)
		if err != nil {
			return nil, err
		}
		groups = append(groups, subscriber.Group{Name: consumer.Name(), Subscriber: feed, Handle: consumer.HandleMessage})
	}
	return groups, nil
}

// readiness tells whether the service can do all of its work: the database answers and is up to date, the consumers live,
// the read tables are shown. A consumer that stopped at an event is no reason to turn deliveries away: they are safe in the log.
func (s *Service) readiness(consumers []*eventbus.Consumer) func(context.Context) error {
	var mu sync.Mutex
	var migratedAt time.Time
	return func(ctx context.Context) error {
		if err := s.db.Ping(ctx); err != nil {
			return err
		}
		for _, consumer := range consumers {
			if err := consumer.Alive(); err != nil {
				return err
			}
		}
		if err := s.readable(); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if time.Since(migratedAt) < migratedKept {
			return nil
		}
		if err := s.db.CheckMigrated(ctx); err != nil {
			return err
		}
		if err := s.db.CheckShown(ctx); err != nil {
			return err
		}
		migratedAt = time.Now()
		return nil
	}
}
