package web

func (s *server) overviewRoutes(r routes) {}
