package web

func (s *server) customerRoutes(r routes) {}
