package web

func (s *server) importRoutes(r routes) {}
