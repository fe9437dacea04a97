package web

func (s *server) pancakeRoutes(r routes) {}
